-- What the door answers of one job: what became of the step, and the job without payload and result.
select r.job_id as asked_id, r.verdict, r.act, case when r.verdict <> 'not_found' then r.was end as was,
  r.reason as cause, r.key_holder,
  s.id, s.type, s.status, s.lane_id, s.due, s.priority, s.metadata, s.last_error, s.error_category, s.exit_code, s.attempts, s.max_attempts,
  s.epoch, s.phase, s.progress, s.partial, s.created_by, s.orchestrator_id, s.claim_id, s.timeout_seconds, s.scheduled_for, s.created_at,
  s.updated_at, s.claimed_at, s.acknowledged_at, s.started_at, s.completed_at, s.lease_expires_at, s.kept_by_heartbeats, s.claim_losses,
  s.progress_at, s.cancel_requested_at, s.retried_from, s.unique_key, s.audit_seq,
  e.status as ended_as, e.exit_code as ended_exit_code, e.last_error as ended_error, e.error_category as ended_category,
  e.completed_at as ended_at
from ruled r left join stand s on s.id = r.job_id and r.verdict <> 'not_found'
-- How a run ended that is reported on once more, where the job has gone on since and no longer tells it.
-- Plan: unique index (job_id, epoch); the limit keeps it from becoming a hash over all attempts.
left join lateral (select a.* from attempts a
  where r.verdict = 'already_finished' and a.job_id = r.job_id and a.epoch = coalesce(r.epoch, r.held_last) limit 1) e on true
order by r.ord
