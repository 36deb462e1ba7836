"""Poison, cancels with proof, and the runs of the sweeps: what they keep, and a claim that hands out a suspect alone."""

from importlib import import_module

import django.contrib.postgres.fields
from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform

PICK_JOBS_REVERSE, CLAIM_JOBS_REVERSE = (
    getattr(import_module(f"jobs.migrations.{migration}"), name).replace("create function", "create or replace function")
    for migration, name in (("0018_job_types", "PICK_JOBS"), ("0019_labels", "CLAIM_JOBS"))
)

TIMES = """
-- A moment as the API writes it.
create function wire_time(moment timestamptz) returns text language sql stable as $f$
  select to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$f$;
-- A moment in a sentence.
create function clock_time(moment timestamptz) returns text language sql stable as $f$
  select to_char(moment at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
$f$;
"""
TIMES_REVERSE = "drop function wire_time(timestamptz); drop function clock_time(timestamptz);"

PICK_JOBS = """
-- Locks at most `most` due jobs of some lanes, best first, passing over what others hold: it comes back full while anything is free.
-- One lane is in that order as it stands. Of several, a short peek into each gives a bound (the want-th best head); the candidates up to it,
-- in the lanes that have any, are read without locks, then locked in order; if neighbours hold some of them, a next round goes on behind the
-- last candidate. So it reads about most + lanes rows, not their product. (Locks inside the lateral join would hold every lane's head.)
-- Plans: index jobs_claim in all looks (an equality on the lane, then row comparisons), the primary key for the lock. Always
-- `id = any(array(select …))`, never a join: under a generic plan a join may become a hash over all jobs.
-- within: candidates beside the lanes, at most `most`, which compete with theirs: those of types with a limit (take_slots).
-- most_bytes: answer_bytes of all of them; null when the claim must look at them one by one: something is compressed, or one of them was
-- claimed twice and never acknowledged.
create or replace function pick_jobs(lane_ids bigint[], most int, within varchar[], out ids varchar[], out most_bytes bigint) language plpgsql as $f$
declare
  won varchar[]; won_bytes bigint; want int := most; tried int;
  low_rank int := -32768; low_time timestamptz := '-infinity'; low_id varchar := '';          -- everything up to here has been tried
begin
  if cardinality(lane_ids) = 1 and within = '{}' then
    with picked as materialized (
      select j.id, case when j.claim_losses < 2 then answer_bytes(j.payload, j.metadata, j.result, j.last_error) end as bytes
      from jobs j where j.lane_id = lane_ids[1] and j.due
      order by -j.priority, j.scheduled_for, j.id limit most for update skip locked)
    select coalesce(array_agg(p.id), '{}'), case when count(p.bytes) = count(*) then coalesce(sum(p.bytes), 0) end into ids, most_bytes
      from picked p;
    return;
  end if;
  ids := '{}';
  most_bytes := 0;
  for round in 1..12 loop
    exit when lane_ids is null and within = '{}' or cardinality(ids) >= most;
    with peek as materialized (
      select l.id as lane_id, c.* from unnest(lane_ids) l(id) cross join lateral (
        select -j.priority as rank, j.scheduled_for, j.id from jobs j
        where j.lane_id = l.id and j.due and (-j.priority, j.scheduled_for, j.id) > (low_rank, low_time, low_id)
        order by -j.priority, j.scheduled_for, j.id limit least(want, 1 + 2 * want / cardinality(lane_ids))) c
      union all select null, -j.priority, j.scheduled_for, j.id from jobs j
        where j.id = any(within) and j.due and (-j.priority, j.scheduled_for, j.id) > (low_rank, low_time, low_id)),
    bound as materialized (
      (select p.rank, p.scheduled_for, p.id from peek p order by 1, 2, 3 offset want - 1 limit 1)
      union all select 32767, 'infinity', '~' limit 1),
    candidates as materialized (
      select c.* from bound b cross join lateral (
        select distinct p.lane_id from peek p
        where p.lane_id is not null and (p.rank, p.scheduled_for, p.id) <= (b.rank, b.scheduled_for, b.id)) l
      cross join lateral (
        select -j.priority as rank, j.scheduled_for, j.id from jobs j
        where j.lane_id = l.lane_id and j.due and (-j.priority, j.scheduled_for, j.id) > (low_rank, low_time, low_id)
          and (-j.priority, j.scheduled_for, j.id) <= (b.rank, b.scheduled_for, b.id)
        order by -j.priority, j.scheduled_for, j.id limit want) c
      union all select p.rank, p.scheduled_for, p.id from bound b cross join peek p
        where p.lane_id is null and (p.rank, p.scheduled_for, p.id) <= (b.rank, b.scheduled_for, b.id)
      order by rank, scheduled_for, id limit want),
    -- Locks lazily and in order: the limit stands above the lock. Materialized: else more than asked may be taken.
    picked as materialized (
      select j.id, case when j.claim_losses < 2 then answer_bytes(j.payload, j.metadata, j.result, j.last_error) end as bytes
      from jobs j where j.id = any(array(select c.id from candidates c)) and j.due
      order by -j.priority, j.scheduled_for, j.id limit most - cardinality(ids) for update skip locked)
    select p.ids, p.bytes, t.tried, t.rank, t.scheduled_for, t.id into won, won_bytes, tried, low_rank, low_time, low_id
      from (select array_agg(id) as ids, case when count(bytes) = count(*) then coalesce(sum(bytes), 0) end as bytes from picked) p
      left join (select count(*) over () as tried, c.* from candidates c order by c.rank desc, c.scheduled_for desc, c.id desc limit 1) t
        on true;
    ids := ids || won;
    most_bytes := most_bytes + won_bytes;
    exit when tried is null or tried < want;                                                  -- nothing is left
    want := greatest(most, 2 * (most - cardinality(ids)));
  end loop;
end $f$;
"""

CLAIM_JOBS = """
-- Claims at most batch_size due jobs, best first, and writes their audit entries.
-- Each step is a statement of its own, which sees what was committed while the one before it waited.
create or replace function claim_jobs(types text[], declared text[], batch_size int, holder text, claim text, request text, lease_seconds int,
  answer_limit bigint)
returns setof whole_jobs language plpgsql set plan_cache_mode = force_generic_plan as $f$
declare
  lane_ids bigint[]; within varchar[] := '{}'; got varchar[]; bytes bigint; now_ timestamptz;
begin
  if claim is not null then
    -- The same claim asked twice at once: the second waits for the first, then finds what that one got.
    perform pg_advisory_xact_lock(hashtextextended(holder || '/' || claim, 0));
    -- What is left of an earlier claim whose answer was lost: the jobs of it that the caller still holds under a live lease.
    return query select w.* from whole_jobs w
      where w.id = any(array(select j.id from jobs j where j.orchestrator_id = holder and j.claim_id = claim
        and j.status in ('claimed', 'running') and (j.lease_expires_at > clock_timestamp() or brake_holds(clock_timestamp()))))
      order by -w.priority, w.scheduled_for, w.id;
    if found then
      -- As certain as the first answer had to be: with this written, our commit, too, waits for a synchronous standby.
      perform pg_logical_emit_message(true, 'jobsite', '');
      return;
    end if;
  end if;
  -- Shared with all other claims. Who pauses waits for those under way, and those that come later wait for it, and then see the pause.
  perform pg_advisory_xact_lock_shared(hashtextextended('pauses', 0));
  perform come_due();
  lane_ids := lanes_for(holder, types, declared);
  if exists (select from job_types t where t.concurrency_limit is not null) then
    select s.unlimited, s.ids into lane_ids, within from take_slots(lane_ids, batch_size) s;
  end if;
  select p.ids, p.most_bytes into got, bytes from pick_jobs(lane_ids, batch_size, within) p;
  -- An answer has a largest size: what would pass it stays in the queue; the first job always goes. A job that was claimed twice and never
  -- acknowledged goes alone: it may be what its orchestrators died of, with all that came with it. Until it is the first, it waits.
  if bytes is null or bytes > answer_limit then
    got := array(
      select s.id from (
        select j.id, row_number() over w as nth, j.claim_losses >= 2 as alone, first_value(j.claim_losses >= 2) over w as first_alone,
          sum(2 * coalesce(octet_length(j.payload::text), 0) + octet_length(j.metadata::text) + coalesce(octet_length(j.result::text), 0)
            + coalesce(octet_length(j.last_error), 0) + 2000) over w as size
        from jobs j where j.id = any(got) window w as (order by -j.priority, j.scheduled_for, j.id)) s
      where s.nth = 1 or not s.first_alone and not s.alone and s.size <= answer_limit);
  end if;
  if got = '{}' then
    return;
  end if;
  now_ := clock_timestamp();
  with taken as (
    update jobs j set status = 'claimed', due = false, epoch = j.epoch + 1, audit_seq = j.audit_seq + 1,
      event_xid = greatest(j.event_xid, pg_current_xact_id()), orchestrator_id = holder, claim_id = claim,
      claimed_at = now_, updated_at = now_, lease_expires_at = now_ + make_interval(secs => lease_seconds), holds_slot = j.id = any(within)
    where j.id = any(got) returning j.id, j.audit_seq, j.epoch, j.attempts, j.event_xid)
  insert into audit_log (job_id, sequence, action, from_status, to_status, actor_kind, actor, epoch, attempt, request_id, at, xid)
  select t.id, t.audit_seq, 'claim', 'queued', 'claimed', 'orchestrator', holder, t.epoch, t.attempts + 1, request, now_, t.event_xid
    from taken t;
  return query select w.* from whole_jobs w where w.id = any(got) order by -w.priority, w.scheduled_for, w.id;
end $f$;
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0023_rollup")]
    operations = [
        migrations.AddField(
            model_name="job",
            name="releases",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), null=True, size=None),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(
                KeyTextTransform("ignoredBy", "detail"),
                "at",
                name="audit_log_ignored",
                condition=models.Q(actor_kind="sweep", action="cancel"),
            ),
        ),
        migrations.CreateModel(
            name="SweepRun",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("rule", models.CharField(max_length=40)),
                ("examined", models.IntegerField()),
                ("found", models.IntegerField()),
                ("changed", models.IntegerField()),
                ("seconds", models.FloatField()),
                ("actor", models.CharField(max_length=150)),
                ("reason", models.TextField(null=True)),
                ("dry_run", models.BooleanField()),
                ("brake", models.TextField(null=True)),
            ],
            options={"db_table": "sweep_runs", "indexes": [models.Index(fields=["rule", "at"], name="sweep_runs_rule")]},
        ),
        migrations.RunSQL(TIMES, TIMES_REVERSE),
        migrations.RunSQL(PICK_JOBS, PICK_JOBS_REVERSE),
        migrations.RunSQL(CLAIM_JOBS, CLAIM_JOBS_REVERSE),
    ]
