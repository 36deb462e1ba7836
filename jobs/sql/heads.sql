-- The first job that waits in each lane at each priority: since when it does. (standing.sql or queue_ages.sql follows.)
-- Plan: index jobs_claim, a look for each.
with recursive heads (lane_id, rank, since) as (
  (select j.lane_id, -j.priority, greatest(j.scheduled_for, j.created_at) from jobs j where j.due
    order by j.lane_id, -j.priority, j.scheduled_for, j.id limit 1)
  union all
  select n.* from heads h cross join lateral (
    select j.lane_id, -j.priority, greatest(j.scheduled_for, j.created_at) from jobs j
    where j.due and (j.lane_id, -j.priority) > (h.lane_id, h.rank)
    order by j.lane_id, -j.priority, j.scheduled_for, j.id limit 1) n)
