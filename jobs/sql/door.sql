-- The one door: moves what may move and writes its audit entries, or changes nothing. Goes on after judged.sql; told_whole.sql or
-- told_briefly.sql follows, then rulings.sql.
-- Plan: the primary key, by one array of ids: under a generic plan a join may become a hash over all jobs.
, moved as (
  update jobs j set
    status = r.goal, updated_at = r.at, event_xid = r.event_xid, audit_seq = r.audit_seq + case when r.via is null then 1 else 2 end,
    due = r.goal = 'queued' and r.runs_at <= r.at, scheduled_for = r.runs_at,
    attempts = r.failed_before + (r.act = 'fail')::int,
    max_attempts = case when r.act = 'retry' then greatest(j.max_attempts, r.failed_before + 1)
      else coalesce(r.max_attempts, j.max_attempts) end,
    priority = coalesce(r.priority, j.priority), metadata = coalesce(r.metadata, j.metadata),
    timeout_seconds = coalesce(r.timeout_seconds, j.timeout_seconds),
    claim_losses = case when r.act in ('acknowledge', 'start', 'retry') then 0
      else j.claim_losses + (%(actor_kind)s::text = 'sweep' and r.was = 'claimed' and j.acknowledged_at is null)::int end,
    releases = case when r.act = 'retry' then null
      when r.act = 'release' and %(actor_kind)s::text <> 'user' and (%(holder)s::boolean or j.acknowledged_at is not null)
        -- As many as it takes to tell the next.
        then (j.releases || r.at)[greatest(cardinality(j.releases) - %(releases_allowed)s::int + 3, 1):] else j.releases end,
    lease_losses = case when r.act = 'retry' then null when r.loses then j.lease_losses || r.at else j.lease_losses end,
    quarantined_at = case when r.act = 'retry' then null
      when r.loses and j.lease_losses[cardinality(j.lease_losses) - %(lease_losses_allowed)s::int + 2]
        > r.at - make_interval(secs => %(lease_losses_within)s::int) then r.at else j.quarantined_at end,
    lease_expires_at = case
      -- Until the deadline; one that heartbeats keep, no longer than until the next is due. (least() passes over null.)
      when r.act = 'start' then least(
        case when j.kept_by_heartbeats then greatest(j.lease_expires_at, r.at + make_interval(secs => %(heartbeat_lease)s::int)) end,
        r.at + make_interval(secs => j.timeout_seconds + %(timeout_grace)s::int))
      when r.act = 'acknowledge' then greatest(j.lease_expires_at, r.at + make_interval(secs => %(acknowledged_lease)s::int))
      when r.goal in ('claimed', 'running') then j.lease_expires_at end,
    orchestrator_id = case when r.back then null else j.orchestrator_id end,
    claim_id = case when r.back then null else j.claim_id end,
    claimed_at = case when r.back then null else j.claimed_at end,
    acknowledged_at = case when r.back then null when r.act = 'acknowledge' then r.at else j.acknowledged_at end,
    started_at = case when r.back then null when r.act in ('start', 'complete') then coalesce(j.started_at, r.at) else j.started_at end,
    completed_at = case when r.goal in ('completed', 'failed', 'cancelled') then r.at end,
    phase = case when not r.back then j.phase end, progress = case when not r.back then j.progress end,
    progress_at = case when not r.back then j.progress_at end,
    kept_by_heartbeats = j.kept_by_heartbeats and not r.back, holds_slot = j.holds_slot and r.goal in ('claimed', 'running'),
    cancel_requested_at = case when r.act = 'cancel_request' then r.at when not r.back then j.cancel_requested_at end,
    cancel_seen_at = case when r.back then null
      when r.act in ('acknowledge', 'start') and j.cancel_requested_at is not null then coalesce(j.cancel_seen_at, r.at)
      else j.cancel_seen_at end,
    result = case when r.ends then r.final_result else j.result end,
    exit_code = case when r.ends then r.exit_code else j.exit_code end,
    last_error = case when r.ends then r.final_error else j.last_error end,
    error_category = case when r.ends then r.final_category else j.error_category end,
    fingerprint = case when r.ends then failure_fingerprint(j.type, r.fault) else j.fingerprint end,
    partial = case when r.ends then coalesce(r.partial, false) else j.partial end,
    report_epoch = case when %(holder)s::boolean and (r.ends or r.act = 'release') then r.held_epoch else j.report_epoch end,
    report_digest = case when %(holder)s::boolean and (r.ends or r.act = 'release') then r.digest else j.report_digest end
  from ruled r where j.id = any(array(select o.job_id from ruled o where o.moves)) and r.job_id = j.id and r.moves
  returning j.*),
-- A run that goes back to the queue is kept whole; the last run stands on the job itself.
archived as (
  insert into attempts (job_id, epoch, number, status, orchestrator_id, claimed_at, acknowledged_at, started_at, completed_at,
    exit_code, last_error, error_category, fingerprint, result)
  select l.id, l.epoch, r.failed_before + (l.status <> 'failed')::int, case when r.act = 'fail' then 'failed' else l.status end,
    l.orchestrator_id, l.claimed_at, l.acknowledged_at, l.started_at, coalesce(l.completed_at, r.at),
    case when r.act = 'fail' then r.exit_code else l.exit_code end, case when r.act = 'fail' then r.final_error else l.last_error end,
    case when r.act = 'fail' then r.final_category else l.error_category end,
    case when r.act = 'fail' then failure_fingerprint(l.type, r.fault) else l.fingerprint end,
    case when r.act = 'fail' then r.final_result else l.result end
  from ruled r join locked l on l.id = r.job_id
  where r.moves and r.back and r.act in ('fail', 'retry') and l.claimed_at is not null),
-- Of the others: a late verdict is kept; a holder that is told of a cancel by the answer has seen it from now on.
noted as (
  update jobs j set audit_seq = j.audit_seq + r.late::int, event_xid = case when r.late then r.event_xid else j.event_xid end,
    late_epochs = case when r.late then j.late_epochs || coalesce(r.epoch, r.held_last, r.held_epoch) else j.late_epochs end,
    cancel_seen_at = case when r.tells then r.at else j.cancel_seen_at end
  from ruled r where j.id = any(array(select o.job_id from ruled o where o.late or o.tells)) and r.job_id = j.id and (r.late or r.tells)),
logged as (
  insert into audit_log (job_id, sequence, action, from_status, to_status, actor_kind, actor, epoch, attempt,
    reason, request_id, at, stated_at, detail, digest, xid)
  select r.job_id, r.audit_seq + e.nth, e.action, e.source, e.target, e.actor_kind, e.actor,
    case when r.late then coalesce(r.epoch, r.held_last, r.held_epoch) else r.held_epoch end, r.failed_before + e.attempt,
    r.reason, %(request_id)s::text, r.at, r.stated_at, e.detail, r.digest, r.event_xid
  from ruled r cross join lateral (
    -- The step, or the first half of a compound one; a complete keeps its detail for the second.
    select 1 as nth, case r.via when 'running' then 'start' when 'failed' then 'fail' else r.act end as action,
      r.was as source, coalesce(r.via, r.goal) as target, %(actor_kind)s::text as actor_kind, %(actor)s::text as actor, 1 as attempt,
      case when r.via is distinct from 'running' then r.detail end as detail
    where r.moves
    union all select 2, 'complete', 'running', 'completed', %(actor_kind)s::text, %(actor)s::text, 1, r.detail
      where r.moves and r.via = 'running'
    union all select 2, 'retry', 'failed', 'queued', 'system', 'retry policy', 2,
        jsonb_build_object('delaySeconds', round(r.delay_seconds::numeric, 3))
      where r.moves and r.via = 'failed'
    union all select 1, 'late_report', r.was, r.was, %(actor_kind)s::text, %(actor)s::text, 1, r.detail where r.late) e),
-- The jobs as they are now.
stand as (
  select m.* from moved m
  union all select l.* from locked l where not exists (select from moved m where m.id = l.id))
