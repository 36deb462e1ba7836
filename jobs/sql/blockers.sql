-- Why a job is not running: one row of all that is told from, of one snapshot. (The functions in it are stable: they see no other.)
-- Of a job that is not queued nothing is looked for.
-- Plans: a job and its entries by their keys; orchestrators and lanes whole, which are few; jobs before it by jobs_claim, one look a lane
-- and counted to a limit, and by jobs_future, where only those stand that have come due since the last claim or sweep; jobs_slots.
with clock as materialized (select clock_timestamp() as at),
asked as materialized (
  select j.id, j.status, j.type, l.labels, -j.priority as rank, j.scheduled_for, j.attempts, j.max_attempts, c.at,
    j.status = 'queued' as waits, j.status = 'queued' and j.scheduled_for > c.at as is_early
  from jobs j join lanes l on l.id = j.lane_id cross join clock c where j.id = %(job_id)s::text),
-- Who takes such jobs, heard of lately or not, stopped or not.
fleet as materialized (
  select o.orchestrator_id, o.last_seen_at, o.types, o.labels, p.mode, p.paused_by, p.at as paused_at, p.reason,
    o.last_seen_at > a.at - make_interval(secs => %(live_seconds)s::int) as is_live
  from asked a join askers o on a.waits and suits(a.type, a.labels, o.types, o.labels)
  left join pauses p on p.scope = 'orchestrator' and p.name = o.orchestrator_id),
-- Of those that may claim now, each way to ask: those who ask alike are counted for once.
ways as materialized (
  select min(f.orchestrator_id) as orchestrator_id, f.types, f.labels from fleet f where f.is_live and f.mode is null group by 2, 3),
-- How many each of them is given before it: what it may claim now, and of the job's own type also what is held up with it.
turns as (
  select w.orchestrator_id, (select count(*) from (
      select 1 from unnest(r.lane_ids) l (id) cross join lateral (
        select 1 from jobs j where j.lane_id = l.id and j.due and (-j.priority, j.scheduled_for, j.id) < (a.rank, a.scheduled_for, a.id)
        limit %(counted_to)s::int + 1) due
      union all
      select 1 from jobs j where j.status = 'queued' and not j.due and j.scheduled_for <= a.at and j.lane_id = any(r.lane_ids)
        and (-j.priority, j.scheduled_for, j.id) < (a.rank, a.scheduled_for, a.id)
      limit %(counted_to)s::int + 1) counted) as jobs
  from ways w cross join asked a cross join lateral (
    select array(
      select unnest(lanes_with_room(lanes_for(w.orchestrator_id, w.types, w.labels)))
      union select l.id from lanes l where l.type = a.type and suits(l.type, l.labels, w.types, w.labels)) as lane_ids) r
  where not a.is_early
  order by jobs, w.orchestrator_id limit 1),
-- Who holds jobs of its type, where only so many may be held.
slots as materialized (
  select j.orchestrator_id, count(*) as jobs
  from asked a join job_types t on a.waits and t.name = a.type and t.concurrency_limit is not null join jobs j on j.type = a.type and j.holds_slot
  group by 1)
select a.status, a.type, a.labels, a.scheduled_for, a.attempts, a.max_attempts, a.at, a.waits, a.is_early,
  -- A time to come is that of a retry if a failure's retry was the last to set it. (Who is retried by hand after it keeps its old one.)
  a.is_early and (
    select e.action = 'retry' and exists (select from audit_log f where f.job_id = a.id and f.sequence = e.sequence - 1 and f.action = 'fail')
    from audit_log e
    where e.job_id = a.id and (e.action in ('enqueue', 'retry') or e.action = 'edit' and e.detail -> 'changes' ? 'scheduledFor')
    order by e.sequence desc limit 1) as awaits_retry,
  (select to_jsonb(p) from pauses p where a.waits and p.scope = 'site') as site_pause,
  (select to_jsonb(p) from pauses p where a.waits and p.scope = 'type' and p.name = a.type) as type_pause,
  (select count(distinct f.orchestrator_id) from fleet f where f.is_live and f.mode is null) as takers,
  (select jsonb_agg(s) from (
    select f.orchestrator_id, f.last_seen_at from fleet f where f.mode is null group by 1, 2
    order by 2 desc, 1 limit %(most_named)s::int) s) as silent,
  (select jsonb_agg(s) from (
    select f.orchestrator_id, f.last_seen_at, f.mode, f.paused_by, f.paused_at as at, f.reason from fleet f where f.mode is not null
    group by 1, 2, 3, 4, 5, 6 order by 2 desc, 1 limit %(most_named)s::int) s) as stopped,
  (select t.concurrency_limit from job_types t where t.name = a.type) as slot_limit, (select coalesce(sum(s.jobs), 0) from slots s) as held,
  (select jsonb_agg(h) from (select s.orchestrator_id, s.jobs from slots s order by 2 desc, 1 limit %(most_named)s::int) h) as holders,
  (select t.jobs from turns t) as ahead, (select t.orchestrator_id from turns t) as ahead_for
from asked a
