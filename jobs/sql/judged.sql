-- The door judges each item against its locked row: `ruled` has a verdict for each, and what becomes of the job.
-- Goes on after items.sql or stuck.sql, which give `asked`, `locked` and `clock`; door.sql follows.
-- Everything about a job is judged from its locked row: after a wait for the lock the row is new, but the snapshot, and with it
-- whatever another table says, is old. History is read only for callers who lose anyway.
-- Cost: the rows are joined once, and each stage that is materialized copies them all; `faced` and `fenced` are not, and melt into `weighed`.
, faced as (
  select a.*, c.at, l.status as was, l.epoch as held_epoch, l.attempts as failed_before, l.max_attempts as most_attempts, l.audit_seq,
    l.orchestrator_id, l.acknowledged_at, l.lease_expires_at, l.updated_at, l.scheduled_for as due_at, l.unique_key, l.late_epochs,
    l.report_epoch, l.report_digest, l.status in ('claimed', 'running') as live,
    greatest(l.event_xid, pg_current_xact_id()) as event_xid, l.cancel_requested_at is not null as cancelling,
    -- Not, or no longer, the holder's current claim.
    l.status not in ('claimed', 'running') or l.orchestrator_id is distinct from %(actor)s::text
      or a.epoch is not null and a.epoch <> l.epoch
      -- Said before this claim; by a clock that tells only whole seconds or milliseconds, before its second or millisecond.
      or a.epoch is null and a.stated_at < case a.stated_at
        when date_trunc('second', a.stated_at) then date_trunc('second', l.claimed_at)
        when date_trunc('milliseconds', a.stated_at) then date_trunc('milliseconds', l.claimed_at) else l.claimed_at end as gone
  from asked a cross join clock c left join locked l on l.id = a.job_id),
fenced as (
  select f.*, h.held_last, case
      when f.was is null then 'not_found'
      -- Whose token is bound learns nothing of jobs it never held. (Its claim was committed before it could say a word of it.)
      when %(bound)s::boolean and f.gone and not exists (select from audit_log e
        where e.job_id = f.job_id and e.actor_kind = 'orchestrator' and e.actor = %(actor)s::text) then 'not_found'
      when %(fenced)s::boolean and f.epoch is null then 'token_required'
      when f.nth > 1 then 'conflict'
      when not %(holder)s::boolean then null
      when f.digest = f.report_digest and coalesce(f.epoch, f.held_epoch) = f.report_epoch then 'replayed'
      when f.gone is not true then case when f.lease_expires_at <= f.at and not brake_holds(f.at) then 'lease_expired' end
      when h.same then 'replayed'
      when h.finished or not f.live and f.orchestrator_id = %(actor)s::text and f.report_epoch = coalesce(f.epoch, f.held_epoch)
        then 'already_finished'
      when f.epoch is null then 'not_owner'
      else 'lease_lost'
    end as refused
  from faced f
  -- Plan: unique index (job_id, sequence); never run for a caller who holds the job.
  left join lateral (
    select bool_or(e.digest = f.digest) as same, max(e.epoch) as held_last,
      -- Without a token the caller speaks of the claim it held last.
      bool_or(e.action in ('complete', 'fail', 'cancel') and e.epoch = e.newest) as finished
    from (
      select e.*, max(e.epoch) over () as newest from audit_log e
      where %(holder)s::boolean and f.gone and e.job_id = f.job_id and e.actor_kind = 'orchestrator' and e.actor = %(actor)s::text
        and e.action <> 'late_report'
        -- What was said before this claim by whoever has it now speaks of an earlier one.
        and case when f.epoch is not null then e.epoch = f.epoch
          when f.live and f.orchestrator_id = %(actor)s::text then e.epoch < f.held_epoch else true end) e) h on true),
weighed as materialized (
  select f.*, s.act, s.goal, s.via,
    -- Half of d = min(3600, 10 * 2^(n-1)) s is certain, half is chance, so that what failed together does not come back together.
    case when r.again then coalesce(f.retry_after_seconds, least(3600, 10 * 2 ^ least(f.failed_before, 20)) * (0.5 + random() / 2))
    end as delay_seconds,
    coalesce(f.refused, case
      when f.expected_updated_at is not null and f.expected_updated_at <> f.updated_at then 'conflict'
      when not (f.action || ':' || f.was = any(%(allowed)s::text[])) then 'invalid_transition'
      -- Asked only whether the caller may speak of the job.
      when f.action = 'hold' then 'held'
      when f.action = 'edit' and f.max_attempts <= f.failed_before then 'attempts_spent'
      when f.action = 'acknowledge' and (f.acknowledged_at is not null or f.was = 'running') or f.action = 'start' and f.was = 'running'
        or s.act = 'cancel_request' and f.cancelling then 'unchanged'
      else 'applied' end) as word
  from fenced f
  -- What the word comes to: a release of what is to be cancelled cancels it; a cancel that nobody asked for is a failure;
  -- staff ask the holder first.
  cross join lateral (select case
      when f.action = 'release' and f.cancelling then 'cancel'
      when f.action = 'cancel' and %(holder)s::boolean and not f.cancelling then 'fail'
      when f.action = 'cancel' and not %(holder)s::boolean and f.live
        and not coalesce(f.force and %(actor_kind)s::text <> 'producer', false) then 'cancel_request'
      else f.action end as act) w
  cross join lateral (select w.act = 'fail' and coalesce(f.retryable, true) and not f.cancelling
    and f.failed_before + 1 < f.most_attempts as again) r
  cross join lateral (select w.act,
      case w.act when 'start' then 'running' when 'complete' then 'completed' when 'cancel' then 'cancelled' when 'release' then 'queued'
        when 'retry' then 'queued' when 'fail' then case when r.again then 'queued' else 'failed' end else f.was end as goal,
      case when w.act = 'complete' and f.was = 'claimed' then 'running' when r.again then 'failed' end as via) s),
-- A job may go back to the queue under its unique key only while no other job lives under it; of several that would, the first.
-- (A job that another transaction has just put there is not in the snapshot: the index refuses, and transitions.py asks once more.)
ruled as materialized (
  select w.*, k.key_holder, case when k.key_holder is not null then 'key_taken' else w.word end as verdict,
    w.word = 'applied' and k.key_holder is null as moves,
    w.goal = 'queued' and w.was <> 'queued' as back,
    w.act in ('complete', 'fail') or w.act = 'cancel' and w.live as ends,
    case when w.via = 'failed' then w.at + make_interval(secs => w.delay_seconds) else coalesce(w.scheduled_for, w.due_at) end as runs_at,
    -- A cancelled run has no error of its own; a failed one always tells its error in the result too.
    case when w.goal <> 'cancelled' then w.error end as final_error, case when w.goal <> 'cancelled' then w.category end as final_category,
    case when w.goal = 'cancelled' or w.error is null then w.result
      else jsonb_build_object('error', w.error) || coalesce(w.result, '{}') end as final_result,
    -- A verdict that comes too late is kept, once for each claim, if the caller proves that it once held the job.
    coalesce(w.word in ('lease_lost', 'not_owner', 'lease_expired') and w.action in ('complete', 'fail', 'cancel')
      -- (A forged token stands here as epoch -1 and proves nothing.)
      and (w.epoch > 0 or w.epoch is null and (w.held_last is not null or w.word = 'lease_expired'))
      and not coalesce(w.epoch, w.held_last, w.held_epoch) = any(w.late_epochs), false) as late
  from weighed w left join lateral (
    select o.id as key_holder from (
      -- Plan: index jobs_unique_key.
      select j.id, -1 as ord from jobs j where j.unique_key = w.unique_key and j.status in ('claimed', 'queued', 'running')
      union all select e.job_id, e.ord from weighed e
      where e.unique_key = w.unique_key and e.act = 'retry' and e.word = 'applied' and e.ord < w.ord) o
    where w.act = 'retry' and w.word = 'applied' and w.unique_key is not null
    order by o.ord limit 1) k on true)
