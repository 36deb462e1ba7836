"""The claim anew, one call of the database: by lanes of type and required labels, and with less to read."""

from importlib import import_module

import django.contrib.postgres.fields
from django.db import migrations, models

_CLAIM_JOBS = import_module("jobs.migrations.0003_claim_jobs").CLAIM_JOBS
_CLAIM_JOBS_REVERSE = "drop function claim_jobs(text[], int, text, text, text, int, bigint);"
_CLAIM_UNPAUSED, _CLAIM_UNPAUSED_REVERSE = (
    getattr(import_module("jobs.migrations.0009_pauses"), name) for name in ("CLAIM_UNPAUSED", "CLAIM_UNPAUSED_REVERSE")
)

LANES = """
create view claimable_lanes as
select l.id, l.type, l.labels from lanes l
where not exists (select from pauses p where p.scope = 'site')
  and l.type <> all (array(select p.name from pauses p where p.scope = 'type'));

-- Where an orchestrator may claim from: the one place that says so, for claim, probe and count alike. Whatever decides about that (types
-- asked for or on record, labels, pauses) decides here, before the first job is looked at; a filter on the walk would read everything that
-- does not match.
-- Nobody declares labels yet, so lanes that require some are nobody's.
-- In plpgsql, not in SQL: so its plan is kept, on every version.
create function lanes_for(holder text, types text[]) returns bigint[] language plpgsql stable as $f$
begin
  types := coalesce(types, (select nullif(o.job_types, '{}') from orchestrators o where o.id = holder));
  return (
    select array_agg(l.id) from claimable_lanes l
    where (types is null or l.type = any(types)) and l.labels <@ '{}'::text[]
      and not exists (select from pauses p where p.scope = 'orchestrator' and p.name = holder));
end $f$;
"""
LANES_REVERSE = """
drop function lanes_for(text, text[]);
drop view claimable_lanes;
"""

COME_DUE = """
-- Jobs whose time has come enter the claim index, all of them. Run before each claim and by the sweep; any number may run at once.
-- Plan: index jobs_future. (select clock_timestamp()), never the bare call: a volatile function cannot be an index condition.
create function come_due() returns bigint language plpgsql set plan_cache_mode = force_generic_plan as $f$
declare
  moved bigint; total bigint := 0;
begin
  loop
    with come as materialized (
      select id from jobs where status = 'queued' and not due and scheduled_for <= (select clock_timestamp())
      order by scheduled_for, id limit 5000 for no key update skip locked)
    update jobs set due = true where id = any(array(select id from come));
    get diagnostics moved = row_count;
    total := total + moved;
    exit when moved < 5000;
  end loop;
  return total;
end $f$;
"""
COME_DUE_REVERSE = "drop function come_due();"

ANSWER_BYTES = """
-- What a job takes up in an answer at most, told from its size here: JSON takes up to six bytes for one of ours (a control character), the
-- payload may be told twice (execution). Null when something is compressed: then its size says little of its length.
create function answer_bytes(payload jsonb, metadata jsonb, result jsonb, last_error text) returns int language sql stable as $f$
  select case
    when coalesce(pg_column_compression(payload), pg_column_compression(metadata), pg_column_compression(result),
      pg_column_compression(last_error)) is null
    then 2000 + 6 * (2 * coalesce(pg_column_size(payload), 0) + pg_column_size(metadata) + coalesce(pg_column_size(result), 0)
      + coalesce(pg_column_size(last_error), 0)) end
$f$;
"""
ANSWER_BYTES_REVERSE = "drop function answer_bytes(jsonb, jsonb, jsonb, text);"

PICK_JOBS = """
-- Locks at most `most` due jobs of some lanes, best first, passing over what others hold: it comes back full while anything is free.
-- One lane is in that order as it stands. Of several, a short peek into each gives a bound (the want-th best head); the candidates up to it,
-- in the lanes that have any, are read without locks, then locked in order; if neighbours hold some of them, a next round goes on behind the
-- last candidate. So it reads about most + lanes rows, not their product. (Locks inside the lateral join would hold every lane's head.)
-- Plans: index jobs_claim in all looks (an equality on the lane, then row comparisons), the primary key for the lock. Always
-- `id = any(array(select …))`, never a join: under a generic plan a join may become a hash over all jobs.
-- most_bytes: answer_bytes of all of them.
create function pick_jobs(lane_ids bigint[], most int, out ids varchar[], out most_bytes bigint) language plpgsql as $f$
declare
  won varchar[]; won_bytes bigint; want int := most; tried int;
  low_rank int := -32768; low_time timestamptz := '-infinity'; low_id varchar := '';          -- everything up to here has been tried
begin
  if cardinality(lane_ids) = 1 then
    with picked as materialized (
      select j.id, answer_bytes(j.payload, j.metadata, j.result, j.last_error) as bytes from jobs j where j.lane_id = lane_ids[1] and j.due
      order by -j.priority, j.scheduled_for, j.id limit most for update skip locked)
    select coalesce(array_agg(p.id), '{}'), case when count(p.bytes) = count(*) then coalesce(sum(p.bytes), 0) end into ids, most_bytes
      from picked p;
    return;
  end if;
  ids := '{}';
  most_bytes := 0;
  for round in 1..12 loop
    exit when lane_ids is null or cardinality(ids) >= most;
    with peek as materialized (
      select l.id as lane_id, c.* from unnest(lane_ids) l(id) cross join lateral (
        select -j.priority as rank, j.scheduled_for, j.id from jobs j
        where j.lane_id = l.id and j.due and (-j.priority, j.scheduled_for, j.id) > (low_rank, low_time, low_id)
        order by -j.priority, j.scheduled_for, j.id limit least(want, 1 + 2 * want / cardinality(lane_ids))) c),
    bound as materialized (
      (select p.rank, p.scheduled_for, p.id from peek p order by 1, 2, 3 offset want - 1 limit 1)
      union all select 32767, 'infinity', '~' limit 1),
    candidates as materialized (
      select c.* from bound b cross join lateral (
        select distinct p.lane_id from peek p where (p.rank, p.scheduled_for, p.id) <= (b.rank, b.scheduled_for, b.id)) l
      cross join lateral (
        select -j.priority as rank, j.scheduled_for, j.id from jobs j
        where j.lane_id = l.lane_id and j.due and (-j.priority, j.scheduled_for, j.id) > (low_rank, low_time, low_id)
          and (-j.priority, j.scheduled_for, j.id) <= (b.rank, b.scheduled_for, b.id)
        order by -j.priority, j.scheduled_for, j.id limit want) c
      order by c.rank, c.scheduled_for, c.id limit want),
    -- Locks lazily and in order: the limit stands above the lock. Materialized: else more than asked may be taken.
    picked as materialized (
      select j.id, answer_bytes(j.payload, j.metadata, j.result, j.last_error) as bytes
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
PICK_JOBS_REVERSE = "drop function pick_jobs(bigint[], int);"

# What the API tells of a job, as orchestration_api.representations.JobWhole has it; a test holds the two together.
WHOLE_JOBS = """
create view whole_jobs as
select id, type, status, priority, payload, metadata, result, last_error, error_category, exit_code, attempts, max_attempts, epoch, phase,
  progress, partial, created_by, orchestrator_id, timeout_seconds, scheduled_for, created_at, updated_at, claimed_at, acknowledged_at,
  started_at, completed_at, lease_expires_at, cancel_requested_at, retried_from, unique_key
from jobs;
"""
WHOLE_JOBS_REVERSE = "drop view whole_jobs;"

CLAIM_JOBS = """
-- Claims at most batch_size due jobs, best first, and writes their audit entries.
-- Each step is a statement of its own, which sees what was committed while the one before it waited.
create function claim_jobs(types text[], batch_size int, holder text, claim text, request text, lease_seconds int, answer_limit bigint)
returns setof whole_jobs language plpgsql set plan_cache_mode = force_generic_plan as $f$
declare
  got varchar[]; bytes bigint; now_ timestamptz;
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
  select p.ids, p.most_bytes into got, bytes from pick_jobs(lanes_for(holder, types), batch_size) p;
  -- An answer has a largest size: what would pass it stays in the queue; the first job always goes.
  if bytes is null or bytes > answer_limit then
    got := array(
      select s.id from (
        select j.id, row_number() over w as nth,
          sum(2 * coalesce(octet_length(j.payload::text), 0) + octet_length(j.metadata::text) + coalesce(octet_length(j.result::text), 0)
            + coalesce(octet_length(j.last_error), 0) + 2000) over w as size
        from jobs j where j.id = any(got) window w as (order by -j.priority, j.scheduled_for, j.id)) s
      where s.nth = 1 or s.size <= answer_limit);
  end if;
  if got = '{}' then
    return;
  end if;
  now_ := clock_timestamp();
  with taken as (
    update jobs j set status = 'claimed', due = false, epoch = j.epoch + 1, audit_seq = j.audit_seq + 1,
      event_xid = greatest(j.event_xid, pg_current_xact_id()), orchestrator_id = holder, claim_id = claim,
      claimed_at = now_, updated_at = now_, lease_expires_at = now_ + make_interval(secs => lease_seconds)
    where j.id = any(got) returning j.id, j.audit_seq, j.epoch, j.attempts, j.event_xid)
  insert into audit_log (job_id, sequence, action, from_status, to_status, actor_kind, actor, epoch, attempt, request_id, at, xid)
  select t.id, t.audit_seq, 'claim', 'queued', 'claimed', 'orchestrator', holder, t.epoch, t.attempts + 1, request, now_, t.event_xid
    from taken t;
  return query select w.* from whole_jobs w where w.id = any(got) order by -w.priority, w.scheduled_for, w.id;
end $f$;
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0010_lighter_guards")]
    operations = [
        migrations.AlterField(model_name="lane", name="type", field=models.CharField(max_length=100)),
        migrations.AddField(
            model_name="lane",
            name="labels",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), db_default=[], default=list, size=None),
        ),
        migrations.AddConstraint(model_name="lane", constraint=models.UniqueConstraint(fields=("type", "labels"), name="lanes_one_each")),
        migrations.RunSQL(_CLAIM_UNPAUSED_REVERSE, _CLAIM_UNPAUSED),
        migrations.RunSQL(_CLAIM_JOBS_REVERSE, _CLAIM_JOBS),
        migrations.RunSQL(LANES, LANES_REVERSE),
        migrations.RunSQL(COME_DUE, COME_DUE_REVERSE),
        migrations.RunSQL(ANSWER_BYTES, ANSWER_BYTES_REVERSE),
        migrations.RunSQL(PICK_JOBS, PICK_JOBS_REVERSE),
        migrations.RunSQL(WHOLE_JOBS, WHOLE_JOBS_REVERSE),
        migrations.RunSQL(CLAIM_JOBS, _CLAIM_JOBS_REVERSE),
    ]
