-- Held jobs whose time is up, and by which rule (jobs/rules.py). The head of two statements, which go on in the midst of `found`:
-- stuck.sql locks and moves them, stuck_counts.sql counts them.
-- Nothing is by age: a lease, or the grace of a cancel, must have run out; older_than asks for how long it has, and so only narrows.
-- One clock, read once, so that no row is taken by one rule and told of by another.
-- Plan: index jobs_live (a few thousand rows whatever the size of the table); the lease is in no index, so that heartbeats stay cheap.
with began as materialized (select clock_timestamp() as at),
found as materialized (
  select j.id, r.rule, r.over_at
  from jobs j cross join began b
  cross join lateral (select
      -- (Of running ones only those that the brake has not kept: brake.sql.)
      j.lease_expires_at <= case j.status when 'running' then least(%(running_ended_by)s::timestamptz, b.at) else b.at end as lease_over,
      j.cancel_requested_at + make_interval(secs => %(cancel_grace)s::int) as obeyed_by) o
  cross join lateral (select
      case
        when o.obeyed_by is not null then case when o.lease_over or o.obeyed_by <= b.at then 'cancel_overdue' end
        when not o.lease_over then null
        when j.status = 'claimed' and j.acknowledged_at is null then 'unacknowledged'
        -- (The door decides whether this release is one too many: judged.sql.)
        when j.status = 'claimed' and j.releases[cardinality(j.releases) - %(releases_allowed)s::int + 2]
          > b.at - make_interval(secs => %(releases_within)s::int) then 'release_loop'
        when j.status = 'claimed' then 'lease_lost'
        when j.started_at + make_interval(secs => j.timeout_seconds + %(timeout_grace)s::int) <= b.at then 'timeout'
        else 'lease_lost' end as rule,
      least(j.lease_expires_at, o.obeyed_by) as over_at) r
  where j.status in ('claimed', 'running') and r.rule = any(%(rules)s::text[])
    and r.over_at <= b.at - make_interval(secs => %(older_than)s::float8)
    and (%(job_types)s::text[] is null or j.type = any(%(job_types)s::text[]))
    and (%(orchestrators)s::text[] is null or j.orchestrator_id = any(%(orchestrators)s::text[]))
  order by j.id limit %(limit)s::int
