-- Orchestrators that hold jobs under live leases, and of which nothing was heard for so many seconds: no poll, no heartbeat, no report.
-- Leases that have run out are the sweep's. Plan: index jobs_live.
with held as materialized (
  select j.orchestrator_id, count(*) as jobs,
    max(greatest(j.claimed_at, j.acknowledged_at, j.started_at, j.progress_at, j.cancel_seen_at)) as reported_at
  from jobs j where j.status in ('claimed', 'running') and j.lease_expires_at > (select clock_timestamp()) group by j.orchestrator_id)
select h.orchestrator_id, h.jobs, s.last_seen_at
from held h cross join lateral (
  select greatest(h.reported_at, (select o.last_seen_at from orchestrators o where o.id = h.orchestrator_id)) as last_seen_at) s
where s.last_seen_at <= (select clock_timestamp()) - make_interval(secs => %(seconds)s::int)
order by s.last_seen_at, h.orchestrator_id
