-- Runs that failed, with what a fingerprint is made of: of long texts their head and their end, which is all that is looked at.
-- Plan: unique index (job_id, epoch) of the attempts, primary key of the jobs.
with asked as materialized (
  select * from unnest(%(job_ids)s::text[], %(epochs)s::int[]) as a (job_id, epoch)),
runs as (
  select a.job_id, a.epoch, r.* from asked a cross join lateral (
    select t.error_category, t.exit_code, t.last_error, t.result, t.fingerprint, t.completed_at
    from attempts t where t.job_id = a.job_id and t.epoch = a.epoch
    union all
    select j.error_category, j.exit_code, j.last_error, j.result, j.fingerprint, j.completed_at
    from jobs j where j.id = a.job_id and j.epoch = a.epoch
    limit 1) r)
select r.job_id, r.epoch, j.type, r.fingerprint, r.completed_at, r.error_category as category, r.exit_code,
  m.ends as message, jsonb_build_object('code', e.object -> 'code', 'type', e.object -> 'type', 'stack', s.ends) as error,
  right(r.result #>> '{output,stderr}', l.looked_at) as stderr
from runs r
cross join (select %(looked_at)s::int as looked_at) l
cross join lateral (select j.type from jobs j where j.id = r.job_id limit 1) j
cross join lateral (select case jsonb_typeof(r.result -> 'error') when 'object' then r.result -> 'error' end as object) e
cross join lateral (select case when length(r.last_error) <= 2 * l.looked_at then r.last_error
  else left(r.last_error, l.looked_at) || right(r.last_error, l.looked_at) end as ends) m
cross join lateral (select case when length(t.stack) <= 2 * l.looked_at then t.stack
  else left(t.stack, l.looked_at) || right(t.stack, l.looked_at) end as ends
  from (select case jsonb_typeof(e.object -> 'stack') when 'string' then e.object ->> 'stack' end as stack) t) s
