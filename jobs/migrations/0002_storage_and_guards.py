"""How the tables are kept fast under churn, and what the database itself refuses.

The pairs of statuses are the text that jobs.guards renders from the lifecycle table; a test holds the two together.
"""

from django.db import migrations

STORAGE = """
-- Django adds a second index for LIKE to a text key; the key itself serves it, being compared byte by byte.
drop index if exists jobs_id_5fa7abdb_like;
-- Rows change four times and their dead versions must go at once: autovacuum by count, unthrottled; room in each page for the next version.
alter table jobs set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 5000);
alter table audit_log set (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000, autovacuum_vacuum_cost_delay = 0);
"""
STORAGE_REVERSE = """
alter table jobs reset (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay,
  autovacuum_analyze_scale_factor, autovacuum_analyze_threshold);
alter table audit_log reset (autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold, autovacuum_vacuum_cost_delay);
"""

APPEND_ONLY = """
create function refuse_audit_change() returns trigger language plpgsql as $f$ begin
  raise exception 'the audit log is append-only: % is refused', tg_op using errcode = '42501';
end $f$;
create trigger append_only before update or delete on audit_log for each row execute function refuse_audit_change();
create trigger never_truncated before truncate on audit_log for each statement execute function refuse_audit_change();
"""
APPEND_ONLY_REVERSE = """
drop trigger append_only on audit_log;
drop trigger never_truncated on audit_log;
drop function refuse_audit_change();
"""

TRANSITION_GUARD = """
create function refuse_transition() returns trigger language plpgsql as $f$ begin
  raise exception 'job % may not go from % to % %', old.id, old.status, new.status,
    case when new.audit_seq <= old.audit_seq then '(no audit entry)' else '(no such transition)' end using errcode = '23514';
end $f$;
create trigger transition_guard before update of status on jobs for each row
  when (old.status is distinct from new.status and (new.audit_seq <= old.audit_seq
    or not ((old.status, new.status) in (('queued', 'claimed'), ('queued', 'cancelled'), ('claimed', 'queued'), ('claimed', 'running'), ('claimed', 'failed'), ('claimed', 'cancelled'), ('running', 'queued'), ('running', 'completed'), ('running', 'failed'), ('running', 'cancelled'), ('failed', 'queued'), ('cancelled', 'queued'))
      or (old.status, new.status) in (('claimed', 'completed')) and new.audit_seq = old.audit_seq + 2)))
  execute function refuse_transition()
"""
TRANSITION_GUARD_REVERSE = """
drop trigger transition_guard on jobs;
drop function refuse_transition();
"""

# What only ever grows: a number that is taken back would let an old entry, lease or count stand for a new one.
COUNTERS_GUARD = """
create function refuse_going_back() returns trigger language plpgsql as $f$ begin
  raise exception 'job %: epoch, attempts and audit_seq never decrease, and an epoch follows its predecessor', old.id using errcode = '23514';
end $f$;
create trigger counters_guard before update on jobs for each row
  when (new.audit_seq < old.audit_seq or new.attempts < old.attempts or new.epoch < old.epoch or new.epoch > old.epoch + 1 or new.id <> old.id)
  execute function refuse_going_back()
"""
COUNTERS_GUARD_REVERSE = """
drop trigger counters_guard on jobs;
drop function refuse_going_back();
"""

# A job that was deleted must not come back as it was before: its log knows better. (At once, not at commit: by then it may have gone on.)
STORY_GUARD = """
create function refuse_forgotten_story() returns trigger language plpgsql as $f$ begin
  if exists (select from audit_log a where a.job_id = new.id and a.sequence > new.audit_seq) then
    raise exception 'job %: the audit log knows more of it than this row', new.id using errcode = '23514';
  end if;
  return new;
end $f$;
create trigger story_guard before insert on jobs for each row execute function refuse_forgotten_story()
"""
STORY_GUARD_REVERSE = """
drop trigger story_guard on jobs;
drop function refuse_forgotten_story();
"""

# Judged at commit, so that row and entries may be written in either order: the entries between the old sequence and the new must lead from
# the old status to the new. One step is one probe of the unique index (job_id, sequence); a compound step, and a counted failure that is
# queued again, need both of theirs. A job that is inserted (a restore, a seed) must bring its whole story.
AUDITED = """
create function refuse_unaudited() returns trigger language plpgsql as $f$ begin
  if tg_op = 'INSERT' and new.audit_seq = 0 then
    perform from audit_log a where a.job_id = new.id and a.sequence = 0 and a.from_status is null and a.to_status = 'queued' and new.status = 'queued';
  elsif tg_op = 'INSERT' then
    perform from (
      select a.sequence, a.to_status, a.from_status is not distinct from lag(a.to_status) over (order by a.sequence) as follows,
        coalesce(a.from_status = a.to_status or (a.from_status, a.to_status) in (('queued', 'claimed'), ('queued', 'cancelled'), ('claimed', 'queued'), ('claimed', 'running'), ('claimed', 'failed'), ('claimed', 'cancelled'), ('running', 'queued'), ('running', 'completed'), ('running', 'failed'), ('running', 'cancelled'), ('failed', 'queued'), ('cancelled', 'queued')), a.to_status = 'queued') as legal
      from audit_log a where a.job_id = new.id and a.sequence <= new.audit_seq) e
    having count(*) = new.audit_seq + 1 and bool_and(e.follows and e.legal)
      and bool_or(e.sequence = new.audit_seq and e.to_status = new.status);
  elsif new.audit_seq = old.audit_seq + 1 and not (new.status = 'queued' and new.attempts > old.attempts) then
    perform from audit_log a where a.job_id = new.id and a.sequence = new.audit_seq and a.from_status = old.status and a.to_status = new.status;
  elsif new.audit_seq = old.audit_seq + 2 then
    perform from audit_log a join audit_log b on b.job_id = a.job_id and b.sequence = a.sequence + 1
      where a.job_id = new.id and a.sequence = old.audit_seq + 1 and a.from_status = old.status and b.to_status = new.status
        and a.to_status = b.from_status and a.to_status = case new.status when 'completed' then 'running' when 'queued' then 'failed' end;
  else
    perform where false;
  end if;
  if not found then
    raise exception 'job % became % without the audit entries that say so', new.id, new.status using errcode = '23514';
  end if;
  return null;
end $f$;
create constraint trigger audited_insert after insert on jobs deferrable initially deferred for each row execute function refuse_unaudited();
create constraint trigger audited after update of status, audit_seq on jobs deferrable initially deferred for each row
  when (old.status is distinct from new.status or old.audit_seq <> new.audit_seq) execute function refuse_unaudited()
"""
AUDITED_REVERSE = """
drop trigger audited on jobs;
drop trigger audited_insert on jobs;
drop function refuse_unaudited();
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]
    operations = [
        migrations.RunSQL(STORAGE, STORAGE_REVERSE),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_REVERSE),
        migrations.RunSQL(TRANSITION_GUARD, TRANSITION_GUARD_REVERSE),
        migrations.RunSQL(COUNTERS_GUARD, COUNTERS_GUARD_REVERSE),
        migrations.RunSQL(STORY_GUARD, STORY_GUARD_REVERSE),
        migrations.RunSQL(AUDITED, AUDITED_REVERSE),
    ]
