-- How long the first due job of each type has been waiting. Plan: index jobs_claim, a look for each lane and priority that waits.
with recursive heads (lane_id, rank, since) as (
  (select j.lane_id, -j.priority, greatest(j.scheduled_for, j.created_at) from jobs j where j.due
    order by j.lane_id, -j.priority, j.scheduled_for, j.id limit 1)
  union all
  select n.* from heads h cross join lateral (
    select j.lane_id, -j.priority, greatest(j.scheduled_for, j.created_at) from jobs j
    where j.due and (j.lane_id, -j.priority) > (h.lane_id, h.rank)
    order by j.lane_id, -j.priority, j.scheduled_for, j.id limit 1) n)
select l.type, greatest(0, extract(epoch from clock_timestamp() - min(h.since)))::float8 as seconds
from heads h join lanes l on l.id = h.lane_id
group by l.type order by l.type
