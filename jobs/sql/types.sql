-- Types as they stand: what was said of each, what waits, what is held. Plans: of the jobs that wait, jobs_claim: of each priority in a lane
-- the first, and so many more as are counted; of those held, jobs_live; of those not yet due, none is read.
with recursive said as materialized (
  select t.*, p.scope as pause_scope, p.reason as pause_reason, p.paused_by, p.at as paused_at
  from job_types t left join lateral (
    -- (Its own before the site's, whose name is empty.)
    select p.* from pauses p where p.scope = 'type' and p.name = t.name or p.scope = 'site' order by p.name desc limit 1) p on true
  where %(only)s::text is null or t.name = %(only)s::text),
heads as (
  select l.type, l.id as lane_id, f.rank, f.since
  from lanes l cross join lateral (
    select -j.priority as rank, greatest(j.scheduled_for, j.created_at) as since from jobs j
    where j.lane_id = l.id and j.due order by -j.priority, j.scheduled_for, j.id limit 1) f
  where %(only)s::text is null or l.type = %(only)s::text
  union all
  select h.type, h.lane_id, f.rank, f.since
  from heads h cross join lateral (
    select -j.priority as rank, greatest(j.scheduled_for, j.created_at) as since from jobs j
    where j.lane_id = h.lane_id and j.due and -j.priority > h.rank order by -j.priority, j.scheduled_for, j.id limit 1) f),
oldest as materialized (select h.type, min(h.since) as since, array_agg(distinct h.lane_id) as lanes from heads h group by h.type),
held as materialized (
  select j.type, count(*) filter (where j.status = 'running') as running, count(*) filter (where j.status = 'claimed') as claimed,
    count(*) filter (where j.holds_slot) as slots
  from jobs j where j.status in ('claimed', 'running') and (%(only)s::text is null or j.type = %(only)s::text) group by j.type)
select s.*, o.since as oldest_since, coalesce(w.waiting, 0) as waiting, coalesce(h.running, 0) as running, coalesce(h.claimed, 0) as claimed,
  coalesce(h.slots, 0) as slots
from said s left join oldest o on o.type = s.name left join held h on h.type = s.name
left join lateral (
  select count(*) as waiting from (
    select from unnest(o.lanes) l (id) cross join lateral (select from jobs j where j.lane_id = l.id and j.due limit %(counted_to)s::int) j
    limit %(counted_to)s::int) counted) w on true
order by s.name limit %(most)s::int
