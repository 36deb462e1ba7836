-- How jobs stand now, of those that have not ended: how many there are, since when the first of them waits or is held, and how many could
-- be held. Queued ones are counted to a limit and no further. Goes on after heads.sql.
-- Plan: jobs_status_updated for the count (in its order, or a table that is mostly queued would be read itself), and
-- jobs_live, once.
, live as (
  select count(*) filter (where j.status = 'claimed') as claimed, min(j.claimed_at) filter (where j.status = 'claimed') as claimed_since,
    count(*) filter (where j.status = 'running') as running, min(j.started_at) filter (where j.status = 'running') as running_since
  from jobs j where j.status in ('claimed', 'running')),
-- Where a live orchestrator does not tell how many jobs it takes, nobody knows how many all of them do.
fleet as (
  select case when bool_and(jsonb_typeof(o.capacity -> 'maxJobs') is not distinct from 'number')
      then sum(case when jsonb_typeof(o.capacity -> 'maxJobs') = 'number' then (o.capacity ->> 'maxJobs')::numeric end) end as slots
  from orchestrators o where o.last_seen_at > (select clock_timestamp()) - make_interval(secs => %(seconds)s::int))
select (select count(*) from (select from jobs j where j.status = 'queued' order by j.updated_at limit %(most)s::int) q) as queued,
  (select min(h.since) from heads h) as queued_since, l.claimed, l.claimed_since, l.running, l.running_since, f.slots::float8 as slots,
  exists (select from jobs) as any_job
from live l cross join fleet f
