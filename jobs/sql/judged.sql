-- The door judges each item against its locked row: `ruled` has a verdict for each, and what becomes of the job.
-- Goes on after items.sql or stuck.sql, which give `asked`, `locked` and `clock`; door.sql follows.
-- Everything about a job is judged from its locked row: after a wait for the lock the row is new, but the snapshot, and with it
-- whatever another table says, is old. History is read only for callers who lose anyway.
-- Cost: the locked rows are joined once; each materialized stage copies every row, so there are two, and they carry what is read later.
, faced as (
  select a.*, c.at, l.status as was, l.epoch as held_epoch, l.attempts as failed_before, l.max_attempts as most_attempts, l.audit_seq,
    l.orchestrator_id, l.acknowledged_at, l.lease_expires_at, l.updated_at, l.scheduled_for as due_at, l.unique_key, l.late_epochs,
    l.report_epoch, l.report_digest, l.type, l.retry_policy, l.cancel_requested_at, l.cancel_seen_at, l.releases,
    l.status in ('claimed', 'running') as live,
    greatest(l.event_xid, pg_current_xact_id()) as event_xid, l.cancel_requested_at is not null as cancelling,
    -- Not, or no longer, the holder's current claim.
    l.status not in ('claimed', 'running') or l.orchestrator_id is distinct from %(actor)s::text
      or a.epoch is not null and a.epoch <> l.epoch
      -- Said before this claim; by a clock that tells only whole seconds or milliseconds, before its second or millisecond.
      or a.epoch is null and a.stated_at < case a.stated_at
        when date_trunc('second', a.stated_at) then date_trunc('second', l.claimed_at)
        when date_trunc('milliseconds', a.stated_at) then date_trunc('milliseconds', l.claimed_at) else l.claimed_at end as gone
  from asked a cross join clock c left join locked l on l.id = a.job_id),
weighed as materialized (
  select f.ord, f.job_id, f.action, f.epoch, f.digest, f.stated_at, f.exit_code, f.result, f.partial,
    coalesce(x.error, f.error) as error, case when x.error is null then f.category else 'system' end as category,
    case when x.error is null then f.fault else %(loop_fault)s::text end as fault,
    case when x.error is null then f.reason else x.error || '.' end as reason,
    case when x.error is not null then jsonb_build_object('rule', 'release_loop', 'error', x.error, 'message', f.reason)
      -- Of a cancel that was asked for, when that was, and when the holder was told.
      when f.cancelling and w.act = 'cancel' then coalesce(f.detail, '{}') || jsonb_build_object('cancel',
        jsonb_build_object('requestedAt', wire_time(f.cancel_requested_at), 'seenAt', wire_time(f.cancel_seen_at)))
      else f.detail end as detail,
    f.priority, f.scheduled_for, f.metadata, f.max_attempts, f.timeout_seconds,
    f.at, f.was, f.live, f.held_epoch, f.failed_before, f.audit_seq, f.event_xid, f.due_at, f.unique_key, f.late_epochs, h.held_last,
    f.cancelling and f.live and f.cancel_seen_at is null as unseen,
    w.act, coalesce(p.again, false) as again, p.delay_seconds,
    -- May the caller speak of the job? The first that bites is the word.
    coalesce(case
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
    -- May the job go where the word leads?
    end, case
      when f.expected_updated_at is not null and f.expected_updated_at <> f.updated_at then 'conflict'
      when not (f.action || ':' || f.was = any(%(allowed)s::text[])) then 'invalid_transition'
      -- Asked only whether the caller may speak of the job.
      when f.action = 'hold' then 'held'
      when f.action = 'edit' and f.max_attempts <= f.failed_before then 'attempts_spent'
      when f.action = 'acknowledge' and (f.acknowledged_at is not null or f.was = 'running') or f.action = 'start' and f.was = 'running'
        or w.act = 'cancel_request' and f.cancelling then 'unchanged'
      else 'applied' end) as word
  from faced f
  -- What the word comes to: a release of what is to be cancelled cancels it; a cancel that nobody asked for is a failure;
  -- staff ask the holder first; what is released again and again fails.
  cross join lateral (select case
      when f.action = 'release' and f.cancelling then 'cancel'
      -- Given back once too often, it does not go round for ever. What staff take back is not counted, nor claims that nobody acknowledged,
      -- which are counted apart.
      when f.action = 'release' and %(actor_kind)s::text <> 'user' and (%(holder)s::boolean or f.acknowledged_at is not null)
        and f.releases[cardinality(f.releases) - %(releases_allowed)s::int + 2] > f.at - make_interval(secs => %(releases_within)s::int)
        then 'fail'
      when f.action = 'cancel' and %(holder)s::boolean and not f.cancelling then 'fail'
      when f.action = 'cancel' and not %(holder)s::boolean and f.live
        and not coalesce(f.force and %(actor_kind)s::text <> 'producer', false) then 'cancel_request'
      else f.action end as act) w
  cross join lateral (select case when f.action = 'release' and w.act = 'fail' then
      'Given back ' || %(releases_allowed)s::int || ' times within ' || %(releases_within)s::int / 60 || ' min, last by "'
      || f.orchestrator_id || '": nobody seems to be able to run it' end as error) x
  -- Whether a failure is tried again, and after how long. What was said of this failure wins; then, key by key, what the job says, its
  -- type, and what holds for all. Half of d = min(cap, base * 2^(n-1)) s is certain, half is chance, so that what failed together does not
  -- come back together.
  -- Plan: the primary key, and only for failures that have an attempt left; the limit keeps it from becoming a hash that all would pay for.
  left join lateral (
    select coalesce(f.retryable, case
        when f.retry_policy ? 'retryableCategories' then f.retry_policy -> 'retryableCategories' ? k.category
        when t.retryable_categories is not null then k.category = any(t.retryable_categories)
        else k.category <> all(%(not_retryable)s::text[]) end) as again,
      coalesce(f.retry_after_seconds, (0.5 + random() / 2) * least(
        coalesce((f.retry_policy ->> 'backoffCapSeconds')::int, t.backoff_cap_seconds, %(backoff_cap_seconds)s::int),
        coalesce((f.retry_policy ->> 'backoffBaseSeconds')::int, t.backoff_base_seconds, %(backoff_base_seconds)s::int)
          * 2 ^ least(f.failed_before, 20))) as delay_seconds
    from (select coalesce(f.category, 'unknown') as category) k left join job_types t on t.name = f.type
    where w.act = 'fail' and not f.cancelling and f.failed_before + 1 < f.most_attempts and f.action <> 'release'
    limit 1) p on true
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
-- Where the job goes, and what of it. (goal: its status then; via: the one between, of a compound step; back: to the queue again.)
ruled as materialized (
  select w.ord, w.job_id, w.epoch, w.digest, w.stated_at, w.reason, w.exit_code, w.partial, w.detail, w.priority, w.metadata,
    w.max_attempts, w.timeout_seconds, w.at, w.was, w.held_epoch, w.failed_before, w.audit_seq, w.event_xid, w.held_last, w.act,
    k.key_holder, coalesce(k.verdict, w.word) as verdict, w.word = 'applied' and k.verdict is null as moves,
    case w.act when 'start' then 'running' when 'complete' then 'completed' when 'cancel' then 'cancelled' when 'release' then 'queued'
      when 'retry' then 'queued' when 'fail' then case when w.again then 'queued' else 'failed' end else w.was end as goal,
    case when w.act = 'complete' and w.was = 'claimed' then 'running' when w.again then 'failed' end as via,
    w.act in ('release', 'retry') or w.again as back,
    w.act in ('complete', 'fail') or w.act = 'cancel' and w.live as ends,
    -- The sweep takes a run for lost.
    %(actor_kind)s::text = 'sweep' and w.act = 'fail' and w.was = 'running' and w.category = 'lease_lost' as loses,
    w.delay_seconds, case when w.again then w.at + make_interval(secs => w.delay_seconds) else coalesce(w.scheduled_for, w.due_at) end as runs_at,
    -- A cancelled run has no error of its own; a failed one always tells its error in the result too.
    case when w.act <> 'cancel' then w.error end as final_error, case when w.act <> 'cancel' then w.category end as final_category,
    case when w.act <> 'cancel' then w.fault end as fault,
    case when w.act = 'cancel' or w.error is null then w.result
      else jsonb_build_object('error', w.error) || coalesce(w.result, '{}') end as final_result,
    -- A verdict that comes too late is kept, once for each claim, if the caller proves that it once held the job.
    %(holder)s::boolean and w.unseen and w.word in ('held', 'unchanged') as tells,
    coalesce(w.word in ('lease_lost', 'not_owner', 'lease_expired') and w.action in ('complete', 'fail', 'cancel')
      -- (A forged token stands here as epoch -1 and proves nothing.)
      and (w.epoch > 0 or w.epoch is null and (w.held_last is not null or w.word = 'lease_expired'))
      and not coalesce(w.epoch, w.held_last, w.held_epoch) = any(w.late_epochs), false) as late
  from weighed w
  -- A job may go back to the queue under its unique key only while no other job lives under it; of several that would, the first.
  -- (A job that another transaction has just put there is not in the snapshot: the index refuses, and transitions.py asks once more.)
  left join lateral (
    select o.id as key_holder, 'key_taken' as verdict from (
      -- Plan: index jobs_unique_key.
      select j.id, -1 as ord from jobs j where j.unique_key = w.unique_key and j.status in ('claimed', 'queued', 'running')
      union all select e.job_id, e.ord from weighed e
      where e.unique_key = w.unique_key and e.act = 'retry' and e.word = 'applied' and e.ord < w.ord) o
    where w.act = 'retry' and w.word = 'applied' and w.unique_key is not null
    order by o.ord limit 1) k on true)
