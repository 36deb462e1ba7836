-- Lanes whose jobs nobody takes: with a job that has been due for so many seconds, while no orchestrator heard of in that time takes them.
-- What is paused is not meant to be taken. By lanes, never by a walk over jobs. Plan: index jobs_claim, a few looks a lane.
with clock as materialized (select clock_timestamp() as at, clock_timestamp() - make_interval(secs => %(seconds)s::int) as then),
taken as materialized (
  select distinct t.types, t.labels from takers t cross join clock c where t.last_seen_at > c.then),
-- Since when the first of them is due: of each priority the index has its first. (A job may be made with a time long past.)
waiting as materialized (
  select l.*, w.since from claimable_lanes l cross join lateral (
    select min(greatest(first.scheduled_for, first.created_at)) as since
    from generate_series(-100, 0) as p (rank) cross join lateral (
      select j.scheduled_for, j.created_at from jobs j where j.lane_id = l.id and j.due and -j.priority = p.rank
      order by j.scheduled_for, j.id limit 1) first) w
  where not exists (select from taken t where suits(l.type, l.labels, t.types, t.labels))
    and exists (select from jobs j where j.lane_id = l.id and j.due))
select w.type, w.labels, w.since,
  (select count(*) from (select from jobs j where j.lane_id = w.id and j.due limit %(counted_to)s::int) counted) as jobs,
  t.orchestrator_id, t.last_seen_at
from waiting w cross join clock c left join lateral (
  select t.orchestrator_id, t.last_seen_at from takers t where suits(w.type, w.labels, t.types, t.labels)
  order by t.last_seen_at desc, t.orchestrator_id limit 1) t on true
where w.since <= c.then
order by w.since, w.type, w.labels
