-- What became of the jobs that an operation has retried: the first thing that ended each since then; null while it has not ended.
-- The log tells it, whatever has happened to the job after that.
-- Plan: the primary key of the items; unique index (job_id, sequence) of the log, the few entries of each job.
select i.job_id, o.action, coalesce(a.fingerprint, j.fingerprint) as fingerprint, left(coalesce(a.last_error, j.last_error), 500) as error
from bulk_items i
cross join lateral (
  select e.sequence from audit_log e
  where e.job_id = i.job_id and e.action = 'retry' and e.request_id = i.operation_id
  order by e.sequence desc limit 1) r
left join lateral (
  select e.action, e.epoch from audit_log e
  where e.job_id = i.job_id and e.sequence > r.sequence and e.action in ('complete', 'fail', 'cancel')
  order by e.sequence limit 1) o on true
left join lateral (
  select a.fingerprint, a.last_error from attempts a where o.action = 'fail' and a.job_id = i.job_id and a.epoch = o.epoch limit 1) a on true
left join lateral (
  select j.fingerprint, j.last_error from jobs j where o.action = 'fail' and j.id = i.job_id and j.epoch = o.epoch limit 1) j on true
where i.operation_id = %(operation_id)s::text and i.outcome = 'changed'
order by i.ordinal
