  -- Rows that somebody holds are skipped; of one that has just been changed the rule is judged again on what it is now. So any number of
  -- sweeps equals one.
  for no key update of j skip locked),
-- What the sweep asks the door for. Goes on after time_is_up.sql; judged.sql, door.sql and swept.sql follow.
-- (Locked already: this reads them as they are now.)
locked as materialized (
  select j.* from jobs j where j.id = any(array(select f.id from found f)) order by j.id for no key update),
clock as materialized (select clock_timestamp() as at from (select count(*) from locked) l),
causes as materialized (
  select f.rule, c.at, l.id, l.status, l.epoch, l.orchestrator_id, l.claimed_at, l.acknowledged_at, l.started_at, l.lease_expires_at,
    l.timeout_seconds, l.cancel_requested_at, l.cancel_seen_at, l.claim_losses, l.lease_losses,
    f.rule = 'unacknowledged' and l.claim_losses + 1 >= %(claim_losses_allowed)s::int as wasted,
    f.rule = 'lease_lost' and l.status = 'running' as lost,
    -- The last of so many within the time; the door writes it down on the same terms.
    f.rule = 'lease_lost' and l.status = 'running' and coalesce(
      l.lease_losses[cardinality(l.lease_losses) - %(lease_losses_allowed)s::int + 2]
        > c.at - make_interval(secs => %(lease_losses_within)s::int), false) as poisonous,
    f.rule = 'cancel_overdue' and l.lease_expires_at > c.at as ignored
  from found f join locked l on l.id = f.id cross join clock c),
-- What a reader of the audit log needs to know besides. Read for these few; from other tables, so nothing is judged by it.
known as materialized (
  select k.*,
    1 + (select count(*) from unnest(k.lease_losses) as t (at)
      where t.at > k.at - make_interval(secs => %(lease_losses_within)s::int)) as nth,
    case when k.rule = 'cancel_overdue' then (
      -- Plan: unique index (job_id, sequence).
      select e.actor from audit_log e where e.job_id = k.id and e.action = 'cancel_request' order by e.sequence desc limit 1) end as asked_by,
    case when k.rule = 'cancel_overdue' then (select o.hostname from orchestrators o where o.id = k.orchestrator_id) end as host,
    case when k.poisonous then (
      select jsonb_agg(jsonb_build_object('at', wire_time(t.at), 'orchestratorId', t.orchestrator_id, 'epoch', t.epoch) order by t.epoch)
      from (
        -- Plan: unique index (job_id, epoch).
        select a.completed_at as at, a.orchestrator_id, a.epoch from attempts a
        where a.job_id = k.id and a.completed_at = any(k.lease_losses)
          and a.completed_at > k.at - make_interval(secs => %(lease_losses_within)s::int)
        union all select k.at, k.orchestrator_id, k.epoch) t) end as losses
  from causes k),
told as materialized (
  select k.*, case
      when k.wasted then format('Claimed %s times and never acknowledged in time, last by "%s"', k.claim_losses + 1, k.orchestrator_id)
      when k.lost then format('The lease ran out: no sign of life from "%s"', k.orchestrator_id)
      when k.rule = 'timeout' then 'Timed out after ' || k.timeout_seconds || ' s' end as error,
    case k.rule
      when 'unacknowledged' then format('%s claimed it at %s and did not acknowledge it: the claim ran out at %s, the %s. of %s in a row.',
        k.orchestrator_id, clock_time(k.claimed_at), clock_time(k.lease_expires_at), k.claim_losses + 1, %(claim_losses_allowed)s::int)
      when 'lease_lost' then case when k.lost
        then format('No sign of life from %s: the lease of its run ran out at %s. Lost %s of %s times within %s h%s.', k.orchestrator_id,
          clock_time(k.lease_expires_at), k.nth, %(lease_losses_allowed)s::int, %(lease_losses_within)s::int / 3600,
          case when k.poisonous then ': quarantined, not tried again by itself' else '' end)
        else format('%s acknowledged it at %s and did not start it: the lease ran out at %s.', k.orchestrator_id,
          clock_time(k.acknowledged_at), clock_time(k.lease_expires_at)) end
      when 'timeout' then format('%s ran it since %s: longer than its timeout of %s s and %s s of grace.', k.orchestrator_id,
        clock_time(k.started_at), k.timeout_seconds, %(timeout_grace)s::int)
      when 'cancel_overdue' then 'Cancel requested' || coalesce(' by ' || k.asked_by, '') || ' at ' || clock_time(k.cancel_requested_at)
        || case when k.cancel_seen_at is null then ', never seen by ' || k.orchestrator_id
          else ', seen by ' || k.orchestrator_id || ' at ' || clock_time(k.cancel_seen_at) end
        || case when k.ignored then format(', ignored for %s s', extract(epoch from k.at - k.cancel_requested_at)::int)
          else ', whose lease ran out at ' || clock_time(k.lease_expires_at) end
        || ': forced.' || case when k.status = 'running' then ' It may still be running ' || coalesce('on host ' || k.host,
          'at ' || k.orchestrator_id || ', of which no host is known') || '.' else '' end end as reason
  from known k),
asked as materialized (
  select row_number() over (order by t.id)::int as ord, t.id::text as job_id,
    case when t.rule = 'cancel_overdue' then 'cancel' when t.status = 'claimed' and not t.wasted then 'release' else 'fail' end as action,
    null::int as epoch, null::bytea as digest, null::timestamptz as stated_at, null::timestamptz as expected_updated_at,
    true as force, t.reason, t.error,
    case when t.lost then 'lease_lost' when t.rule = 'timeout' then 'timeout' when t.wasted then 'system' end as category,
    case when t.error is not null then %(faults)s::jsonb ->> t.rule end as fault,
    null::bigint as exit_code, case when t.error is not null then jsonb_build_object('error', t.error) end as result, false as partial,
    jsonb_strip_nulls(jsonb_build_object('rule', t.rule, 'error', t.error, 'losses', t.losses, 'requestedBy', t.asked_by, 'host', t.host,
      'ignoredBy', case when t.ignored then t.orchestrator_id end)) as detail,
    case when t.wasted or t.poisonous then false end as retryable, null::int as retry_after_seconds,
    null::int as priority, null::timestamptz as scheduled_for, null::jsonb as metadata, null::int as max_attempts,
    null::int as timeout_seconds, 1 as nth
  from told t)
