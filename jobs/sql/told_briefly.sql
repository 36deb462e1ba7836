-- What the door answers of many: what became of each step, and of the job what tells the next action or explains a refusal.
select r.job_id as asked_id, r.verdict, r.act, case when r.verdict <> 'not_found' then r.was end as was,
  r.reason as cause, r.key_holder,
  s.id, s.status, s.cancel_requested_at, s.updated_at, s.unique_key,
  s.exit_code, s.last_error, s.error_category, s.attempts, s.completed_at,
  e.status as ended_as, e.exit_code as ended_exit_code, e.last_error as ended_error, e.error_category as ended_category,
  e.completed_at as ended_at
from ruled r left join stand s on s.id = r.job_id and r.verdict <> 'not_found'
-- How a run ended that is reported on once more, where the job has gone on since and no longer tells it.
-- Plan: unique index (job_id, epoch); the limit keeps it from becoming a hash over all attempts.
left join lateral (select a.* from attempts a
  where r.verdict = 'already_finished' and a.job_id = r.job_id and a.epoch = coalesce(r.epoch, r.held_last) limit 1) e on true
order by r.ord
