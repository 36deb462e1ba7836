-- Of the next so many jobs that have lines, those that ended long enough ago for their logs to go.
-- From job to job through the lines, in the order of the ids, which is that of time: up to the first job that is too young to have ended so
-- long ago. A run goes through once, from place to place, so that what stays is not looked at again for each batch.
-- Plan: the primary key of log_lines, one probe a job, and that of jobs.
with recursive walk (job_id, nth) as (
  select (select min(l.job_id) from log_lines l where l.job_id > %(after)s::text), 1
  union all
  select (select min(l.job_id) from log_lines l where l.job_id > w.job_id), w.nth + 1
  from walk w where w.nth < %(looks)s::int and w.job_id is not null
    and coalesce((select j.created_at from jobs j where j.id = w.job_id) <= %(ended_by)s::timestamptz, true))
-- (reached: null when the walk has come to its end.)
select array(select j.id from jobs j
    where j.id = any(array(select w.job_id from walk w)) and j.status in ('cancelled', 'completed', 'failed')
      and j.updated_at <= %(ended_by)s::timestamptz order by j.id) as ids,
  (select case when count(w.job_id) = %(looks)s::int then max(w.job_id) end from walk w) as reached
