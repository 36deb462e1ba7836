"""Two guards that refuse what they refused before, at less cost: what they cost is in docs/decisions/0003."""

from django.db import migrations

# As constant arrays: the clause is read anew for each statement, and what is long to read costs every single report.
TRANSITION_GUARD = """
drop trigger transition_guard on jobs;
create trigger transition_guard before update of status on jobs for each row
  when (old.status is distinct from new.status and (new.audit_seq <= old.audit_seq
    or not (old.status || '>' || new.status = any ('{queued>claimed,queued>cancelled,claimed>queued,claimed>running,claimed>failed,claimed>cancelled,running>queued,running>completed,running>failed,running>cancelled,failed>queued,cancelled>queued}'::text[])
      or old.status || '>' || new.status = any ('{claimed>completed}'::text[]) and new.audit_seq = old.audit_seq + 2)))
  execute function refuse_transition()
"""
TRANSITION_GUARD_REVERSE = """
drop trigger transition_guard on jobs;
create trigger transition_guard before update of status on jobs for each row
  when (old.status is distinct from new.status and (new.audit_seq <= old.audit_seq
    or not ((old.status, new.status) in (('queued', 'claimed'), ('queued', 'cancelled'), ('claimed', 'queued'), ('claimed', 'running'), ('claimed', 'failed'), ('claimed', 'cancelled'), ('running', 'queued'), ('running', 'completed'), ('running', 'failed'), ('running', 'cancelled'), ('failed', 'queued'), ('cancelled', 'queued'))
      or (old.status, new.status) in (('claimed', 'completed')) and new.audit_seq = old.audit_seq + 2)))
  execute function refuse_transition()
"""

# Once a statement instead of once a row, so that a list of new jobs pays for it once.
# After the rows, when the whole list is known; still at once, not at commit: by then a job may have gone on.
# Plan: unique index (job_id, sequence). A subquery for its one value: an `exists` may become a hash over the whole log.
STORY_GUARD = """
drop trigger story_guard on jobs;
create or replace function refuse_forgotten_story() returns trigger language plpgsql as $f$
declare known varchar; begin
  select n.id into known from new_rows n
  where (select max(a.sequence) from audit_log a where a.job_id = n.id) > n.audit_seq limit 1;
  if found then
    raise exception 'job %: the audit log knows more of it than this row', known using errcode = '23514';
  end if;
  return null;
end $f$;
create trigger story_guard after insert on jobs referencing new table as new_rows
  for each statement execute function refuse_forgotten_story();
"""
STORY_GUARD_REVERSE = """
drop trigger story_guard on jobs;
create or replace function refuse_forgotten_story() returns trigger language plpgsql as $f$ begin
  if exists (select from audit_log a where a.job_id = new.id and a.sequence > new.audit_seq) then
    raise exception 'job %: the audit log knows more of it than this row', new.id using errcode = '23514';
  end if;
  return new;
end $f$;
create trigger story_guard before insert on jobs for each row execute function refuse_forgotten_story();
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0009_pauses")]
    operations = [
        migrations.RunSQL(TRANSITION_GUARD, TRANSITION_GUARD_REVERSE),
        migrations.RunSQL(STORY_GUARD, STORY_GUARD_REVERSE),
    ]
