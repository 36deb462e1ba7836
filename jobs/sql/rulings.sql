-- What became of each step: the end of the door's statement, after told_whole.sql or told_briefly.sql.
  r.job_id as asked_id, r.verdict, r.act, case when r.verdict <> 'not_found' then r.was end as was, r.reason as cause, r.key_holder,
  e.status as ended_as, e.exit_code as ended_exit_code, e.last_error as ended_error, e.error_category as ended_category,
  e.completed_at as ended_at
from ruled r left join stand s on s.id = r.job_id and r.verdict <> 'not_found'
-- How a run ended that is reported on once more, where the job has gone on since and no longer tells it.
-- Plan: unique index (job_id, epoch); the limit keeps it from becoming a hash over all attempts.
left join lateral (select a.* from attempts a
  where r.verdict = 'already_finished' and a.job_id = r.job_id and a.epoch = coalesce(r.epoch, r.held_last) limit 1) e on true
order by r.ord
