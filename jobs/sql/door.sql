-- The one door: judges what is asked of the locked rows, moves what may move, and writes its audit entries, or changes nothing.
-- Goes on after items.sql or stuck.sql, which give `asked`, `locked` and `clock`.
-- Everything about a job is judged from its locked row: after a wait for the lock the row is new, but the snapshot, and with it
-- whatever another table says, is old. History is read only for callers who lose anyway.
, faced as materialized (
  select a.*, l.status as was, l.epoch as held_epoch, l.attempts as failed_before, l.audit_seq, c.at,
    greatest(l.event_xid, pg_current_xact_id()) as event_xid, l.cancel_requested_at is not null as cancelling,
    l.status in ('claimed', 'running') as live,
    -- Not, or no longer, the holder's current claim.
    l.status not in ('claimed', 'running') or l.orchestrator_id is distinct from %(actor)s::text
      or a.epoch is not null and a.epoch <> l.epoch
      -- Said before this claim; by a clock that tells only whole seconds or milliseconds, before its second or millisecond.
      or a.epoch is null and a.stated_at < case a.stated_at
        when date_trunc('second', a.stated_at) then date_trunc('second', l.claimed_at)
        when date_trunc('milliseconds', a.stated_at) then date_trunc('milliseconds', l.claimed_at) else l.claimed_at end as gone
  from asked a cross join clock c left join locked l on l.id = a.job_id),
fenced as materialized (
  select f.*, h.held_last, case
      when f.was is null then 'not_found'
      -- Whose token is bound learns nothing of jobs it never held. (Its claim was committed before it could say a word of it.)
      when %(bound)s::boolean and f.gone and not exists (select from audit_log e
        where e.job_id = f.job_id and e.actor_kind = 'orchestrator' and e.actor = %(actor)s::text) then 'not_found'
      when %(fenced)s::boolean and f.epoch is null then 'token_required'
      when f.nth > 1 then 'conflict'
      when not %(holder)s::boolean then null
      when decode(f.digest, 'hex') = l.report_digest and coalesce(f.epoch, l.epoch) = l.report_epoch then 'replayed'
      when f.gone and h.same then 'replayed'
      when f.gone and (h.finished or not f.live and l.orchestrator_id = %(actor)s::text and l.report_epoch = coalesce(f.epoch, l.epoch))
        then 'already_finished'
      when f.gone and f.epoch is null then 'not_owner'
      when f.gone then 'lease_lost'
      when l.lease_expires_at <= f.at and not brake_holds(f.at) then 'lease_expired'
    end as refused
  from faced f left join locked l on l.id = f.job_id
  -- Plan: unique index (job_id, sequence); never run for a caller who holds the job.
  left join lateral (
    select bool_or(e.digest = decode(f.digest, 'hex')) as same, max(e.epoch) as held_last,
      -- Without a token the caller speaks of the claim it held last.
      bool_or(e.action in ('complete', 'fail', 'cancel') and e.epoch = e.newest) as finished
    from (
      select e.*, max(e.epoch) over () as newest from audit_log e
      where %(holder)s::boolean and f.gone and e.job_id = f.job_id and e.actor_kind = 'orchestrator' and e.actor = %(actor)s::text
        and e.action <> 'late_report'
        -- What was said before this claim by whoever has it now speaks of an earlier one.
        and case when f.epoch is not null then e.epoch = f.epoch
          when f.live and l.orchestrator_id = %(actor)s::text then e.epoch < l.epoch else true end) e) h on true),
weighed as materialized (
  select f.*, l.unique_key, s.act, s.goal, s.via,
    -- A cancelled run has no error of its own; a failed one always tells its error in the result too.
    case when s.goal <> 'cancelled' then f.error end as final_error, case when s.goal <> 'cancelled' then f.category end as final_category,
    case when s.goal = 'cancelled' or f.error is null then f.result
      else jsonb_build_object('error', f.error) || coalesce(f.result, '{}') end as final_result,
    coalesce(f.refused, case
      when f.expected_updated_at is not null and f.expected_updated_at <> l.updated_at then 'conflict'
      when not (f.action || ':' || f.was = any(%(allowed)s::text[])) then 'invalid_transition'
      -- Asked only whether the caller may speak of the job.
      when f.action = 'hold' then 'held'
      when f.action = 'edit' and f.max_attempts <= f.failed_before then 'attempts_spent'
      when f.action = 'acknowledge' and (l.acknowledged_at is not null or f.was = 'running') or f.action = 'start' and f.was = 'running'
        or s.act = 'cancel_request' and f.cancelling then 'unchanged'
      else 'applied' end) as word,
    -- Half of d = min(3600, 10 * 2^(n-1)) s is certain, half is chance, so that what failed together does not come back together.
    case when s.via = 'failed' then coalesce(f.retry_after_seconds, d.seconds * (0.5 + random() / 2)) else 0 end as delay_seconds,
    -- A verdict that comes too late is kept, once for each claim, if the caller proves that it once held the job.
    coalesce(f.refused in ('lease_lost', 'not_owner', 'lease_expired') and f.action in ('complete', 'fail', 'cancel')
      -- (A forged token stands here as epoch -1 and proves nothing.)
      and (f.epoch > 0 or f.epoch is null and (f.held_last is not null or f.refused = 'lease_expired'))
      and not coalesce(f.epoch, f.held_last, f.held_epoch) = any(l.late_epochs), false) as late
  from fenced f left join locked l on l.id = f.job_id
  -- What the word comes to: a release of what is to be cancelled cancels it; a cancel that nobody asked for is a failure;
  -- staff ask the holder first.
  cross join lateral (select case
      when f.action = 'release' and f.cancelling then 'cancel'
      when f.action = 'cancel' and %(holder)s::boolean and not f.cancelling then 'fail'
      when f.action = 'cancel' and not %(holder)s::boolean and f.live
        and not coalesce(f.force and %(actor_kind)s::text <> 'producer', false) then 'cancel_request'
      else f.action end as act) w
  cross join lateral (select w.act = 'fail' and coalesce(f.retryable, true) and not f.cancelling
    and f.failed_before + 1 < l.max_attempts as again) r
  cross join lateral (select least(3600, 10 * 2 ^ least(f.failed_before, 20)) as seconds) d
  cross join lateral (select w.act,
      case w.act when 'start' then 'running' when 'complete' then 'completed' when 'cancel' then 'cancelled' when 'release' then 'queued'
        when 'retry' then 'queued' when 'fail' then case when r.again then 'queued' else 'failed' end else f.was end as goal,
      case when w.act = 'complete' and f.was = 'claimed' then 'running' when r.again then 'failed' end as via) s),
-- A job may go back to the queue under its unique key only while no other job lives under it; of several that would, the first.
-- (A job that another transaction has just put there is not in the snapshot: the index refuses, and transitions.py asks once more.)
ruled as materialized (
  select w.*, k.key_holder, case when k.key_holder is not null then 'key_taken' else w.word end as verdict
  from weighed w left join lateral (
    select o.id as key_holder from (
      -- Plan: index jobs_unique_key.
      select j.id, -1 as ord from jobs j where j.unique_key = w.unique_key and j.status in ('claimed', 'queued', 'running')
      union all select e.job_id, e.ord from weighed e
      where e.unique_key = w.unique_key and e.act = 'retry' and e.word = 'applied' and e.ord < w.ord) o
    where w.act = 'retry' and w.word = 'applied' and w.unique_key is not null
    order by o.ord limit 1) k on true),
moved as (
  update jobs j set
    status = r.goal, updated_at = r.at, event_xid = r.event_xid, audit_seq = r.audit_seq + case when r.via is null then 1 else 2 end,
    due = r.goal = 'queued' and t.scheduled_for <= r.at, scheduled_for = t.scheduled_for,
    attempts = r.failed_before + (r.act = 'fail')::int,
    max_attempts = case when r.act = 'retry' then greatest(j.max_attempts, r.failed_before + 1)
      else coalesce(r.max_attempts, j.max_attempts) end,
    priority = coalesce(r.priority, j.priority), metadata = coalesce(r.metadata, j.metadata),
    timeout_seconds = coalesce(r.timeout_seconds, j.timeout_seconds),
    claim_losses = case when r.act in ('acknowledge', 'start', 'retry') then 0
      else j.claim_losses + (%(actor_kind)s::text = 'sweep' and r.was = 'claimed' and j.acknowledged_at is null)::int end,
    lease_expires_at = case
      when r.act = 'start' and j.kept_by_heartbeats
        then least(greatest(j.lease_expires_at, r.at + make_interval(secs => %(heartbeat_lease)s::int)), t.deadline)
      when r.act = 'start' then t.deadline
      when r.act = 'acknowledge' then greatest(j.lease_expires_at, r.at + make_interval(secs => %(acknowledged_lease)s::int))
      when r.goal in ('claimed', 'running') then j.lease_expires_at end,
    orchestrator_id = case when t.back then null else j.orchestrator_id end,
    claim_id = case when t.back then null else j.claim_id end,
    claimed_at = case when t.back then null else j.claimed_at end,
    acknowledged_at = case when t.back then null when r.act = 'acknowledge' then r.at else j.acknowledged_at end,
    started_at = case when t.back then null when r.act in ('start', 'complete') then coalesce(j.started_at, r.at) else j.started_at end,
    completed_at = case when r.goal in ('completed', 'failed', 'cancelled') then r.at end,
    phase = case when not t.back then j.phase end, progress = case when not t.back then j.progress end,
    progress_at = case when not t.back then j.progress_at end,
    kept_by_heartbeats = j.kept_by_heartbeats and not t.back,
    cancel_requested_at = case when r.act = 'cancel_request' then r.at when not t.back then j.cancel_requested_at end,
    result = case when t.ends then r.final_result else j.result end,
    exit_code = case when t.ends then r.exit_code else j.exit_code end,
    last_error = case when t.ends then r.final_error else j.last_error end,
    error_category = case when t.ends then r.final_category else j.error_category end,
    partial = case when t.ends then coalesce(r.partial, false) else j.partial end,
    report_epoch = case when %(holder)s::boolean and (t.ends or r.act = 'release') then r.held_epoch else j.report_epoch end,
    report_digest = case when %(holder)s::boolean and (t.ends or r.act = 'release') then decode(r.digest, 'hex') else j.report_digest end
  from ruled r cross join lateral (select
      r.goal = 'queued' and r.was <> 'queued' as back,
      r.act in ('complete', 'fail') or r.act = 'cancel' and r.live as ends,
      r.at + make_interval(secs => (select l.timeout_seconds from locked l where l.id = r.job_id) + %(timeout_grace)s::int) as deadline,
      case when r.via = 'failed' then r.at + make_interval(secs => r.delay_seconds)
        else coalesce(r.scheduled_for, (select l.scheduled_for from locked l where l.id = r.job_id)) end as scheduled_for) t
  where j.id = r.job_id and r.verdict = 'applied' returning j.*),
-- A run that goes back to the queue is kept whole; the last run stands on the job itself.
archived as (
  insert into attempts (job_id, epoch, number, status, orchestrator_id, claimed_at, acknowledged_at, started_at, completed_at,
    exit_code, last_error, error_category, result)
  select l.id, l.epoch, r.failed_before + (l.status <> 'failed')::int, case when r.act = 'fail' then 'failed' else l.status end,
    l.orchestrator_id, l.claimed_at, l.acknowledged_at, l.started_at, coalesce(l.completed_at, r.at),
    case when r.act = 'fail' then r.exit_code else l.exit_code end, case when r.act = 'fail' then r.final_error else l.last_error end,
    case when r.act = 'fail' then r.final_category else l.error_category end, case when r.act = 'fail' then r.final_result else l.result end
  from ruled r join locked l on l.id = r.job_id
  where r.verdict = 'applied' and r.goal = 'queued' and r.act in ('fail', 'retry') and l.claimed_at is not null),
late as (
  update jobs j set audit_seq = r.audit_seq + 1, event_xid = r.event_xid,
    late_epochs = j.late_epochs || coalesce(r.epoch, r.held_last, r.held_epoch)
  from ruled r where j.id = r.job_id and r.late),
logged as (
  insert into audit_log (job_id, sequence, action, from_status, to_status, actor_kind, actor, epoch, attempt,
    reason, request_id, at, stated_at, detail, digest, xid)
  select r.job_id, r.audit_seq + e.nth, e.action, e.source, e.target, e.actor_kind, e.actor,
    case when r.late then coalesce(r.epoch, r.held_last, r.held_epoch) else r.held_epoch end, r.failed_before + e.attempt,
    r.reason, %(request_id)s::text, r.at, r.stated_at, e.detail, decode(r.digest, 'hex'), r.event_xid
  from ruled r cross join lateral (
    -- The step, or the first half of a compound one; a complete keeps its detail for the second.
    select 1 as nth, case r.via when 'running' then 'start' when 'failed' then 'fail' else r.act end as action,
      r.was as source, coalesce(r.via, r.goal) as target, %(actor_kind)s::text as actor_kind, %(actor)s::text as actor, 1 as attempt,
      case when r.via is distinct from 'running' then r.detail end as detail
    where r.verdict = 'applied'
    union all select 2, 'complete', 'running', 'completed', %(actor_kind)s::text, %(actor)s::text, 1, r.detail
      where r.verdict = 'applied' and r.via = 'running'
    union all select 2, 'retry', 'failed', 'queued', 'system', 'retry policy', 2,
        jsonb_build_object('delaySeconds', round(r.delay_seconds::numeric, 3))
      where r.verdict = 'applied' and r.via = 'failed'
    union all select 1, 'late_report', r.was, r.was, %(actor_kind)s::text, %(actor)s::text, 1, r.detail where r.late) e)
select r.job_id as asked_id, r.verdict, r.act, case when r.verdict <> 'not_found' then r.was end as was,
  r.reason as cause, r.key_holder,
  -- The job as it is now, without payload and result.
  s.id, s.type, s.status, s.lane_id, s.due, s.priority, s.metadata, s.last_error, s.error_category, s.exit_code, s.attempts, s.max_attempts,
  s.epoch, s.phase, s.progress, s.partial, s.created_by, s.orchestrator_id, s.claim_id, s.timeout_seconds, s.scheduled_for, s.created_at,
  s.updated_at, s.claimed_at, s.acknowledged_at, s.started_at, s.completed_at, s.lease_expires_at, s.kept_by_heartbeats, s.claim_losses,
  s.progress_at, s.cancel_requested_at, s.retried_from, s.unique_key, s.audit_seq,
  e.status as ended_as, e.exit_code as ended_exit_code, e.last_error as ended_error, e.error_category as ended_category,
  e.completed_at as ended_at
from ruled r left join lateral (
  select 1 as choice, m.* from moved m where m.id = r.job_id
  union all select 2, l.* from locked l where l.id = r.job_id and r.verdict <> 'not_found' order by choice limit 1) s on true
-- How a run ended that is reported on once more, where the job has gone on since and no longer tells it.
-- Plan: unique index (job_id, epoch); the limit keeps it from becoming a hash over all attempts.
left join lateral (select a.* from attempts a
  where r.verdict = 'already_finished' and a.job_id = r.job_id and a.epoch = coalesce(r.epoch, r.held_last) limit 1) e on true
order by r.ord
