-- What time itself asks: held jobs whose lease has run out, or whose cancel nobody obeyed.
-- The head of the sweep's statement (judged.sql follows).
-- Rows that somebody holds are skipped; the predicate is judged again on the locked version, so any number of sweeps equals one.
-- Plan: index jobs_live (a few thousand rows whatever the size of the table); the lease is in no index, so that heartbeats stay cheap.
with locked as materialized (
  select j.* from jobs j
  where j.status in ('claimed', 'running')
    -- (Of running ones only those that the brake has not kept: brake.sql.)
    and (j.lease_expires_at <= case j.status when 'running' then %(running_ended_by)s::timestamptz else clock_timestamp() end
      or j.cancel_requested_at <= clock_timestamp() - make_interval(secs => %(cancel_grace)s::int))
  order by j.id limit %(limit)s::int for no key update skip locked),
clock as materialized (select clock_timestamp() as at from (select count(*) from locked) l),
causes as materialized (
  select l.id, c.at, l.status, case
      when l.cancel_requested_at is not null and l.lease_expires_at <= c.at then 'cancel_lease_lost'
      when l.cancel_requested_at is not null then 'cancel_overdue'
      when l.status = 'claimed' and l.acknowledged_at is null and l.claim_losses + 1 >= %(claim_losses_allowed)s::int then 'claims_wasted'
      when l.status = 'claimed' then 'claim_expired'
      when l.started_at + make_interval(secs => l.timeout_seconds + %(timeout_grace)s::int) <= c.at then 'timeout'
      else 'lease_lost' end as cause, l.orchestrator_id, l.timeout_seconds, l.claim_losses
  from locked l cross join clock c),
asked as materialized (
  select row_number() over (order by k.id)::int as ord, k.id::text as job_id,
    case when k.cause in ('cancel_lease_lost', 'cancel_overdue') then 'cancel' when k.cause = 'claim_expired' then 'release'
      else 'fail' end as action,
    null::int as epoch, null::bytea as digest, null::timestamptz as stated_at, null::timestamptz as expected_updated_at,
    true as force, k.cause as reason, e.error,
    case k.cause when 'lease_lost' then 'lease_lost' when 'timeout' then 'timeout' when 'claims_wasted' then 'system' end as category,
    %(faults)s::jsonb ->> k.cause as fault, null::bigint as exit_code, case when e.error is not null then jsonb_build_object('error', e.error) end as result, false as partial,
    jsonb_strip_nulls(jsonb_build_object('cause', k.cause, 'error', e.error)) as detail,
    case when k.cause = 'claims_wasted' then false end as retryable, null::int as retry_after_seconds,
    null::int as priority, null::timestamptz as scheduled_for, null::jsonb as metadata, null::int as max_attempts,
    null::int as timeout_seconds, 1 as nth
  from causes k cross join lateral (select case k.cause
    when 'lease_lost' then 'The lease ran out: no sign of life from "' || k.orchestrator_id || '"'
    when 'timeout' then 'Timed out after ' || k.timeout_seconds || ' s'
    when 'claims_wasted' then 'Claimed ' || k.claim_losses + 1 || ' times and never acknowledged in time, last by "'
      || k.orchestrator_id || '"' end as error) e)
