-- Deletes lines of jobs that have ended, at most so many at once. One that was retried meanwhile keeps its own.
-- Plan: the primary keys.
with locked as materialized (
  select j.id from jobs j
  where j.id = any(%(ids)s::text[]) and j.status in ('cancelled', 'completed', 'failed') and j.updated_at <= %(ended_by)s::timestamptz
  order by j.id for share skip locked),
gone as (
  delete from log_lines where ctid = any(array(
    select l.place from locked k cross join lateral (
      select n.ctid as place from log_lines n where n.job_id = k.id for update skip locked) l
    limit %(most)s::int))
  returning job_id)
select count(*)::int as lines, array(select distinct g.job_id from gone g) as jobs from gone
