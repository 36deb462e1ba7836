-- What new entries come to: how long the states lasted that they ended, and who went where. (fold.sql stands before, folded.sql follows.)
-- A stretch ends where the status changes, and where somebody changes the time that a queued job waits for; it began at the last such entry
-- of the same job. Until its time (due_told) a queued job is `scheduled`, or in its `retry_wait`; from then on it is queued: as
-- jobs/timing.py tells it of one job. A job that is pruned leaves its status for none. What lasted no time, as between the two entries of a compound step, is no stretch.
-- Plan: unique index (job_id, sequence) and the primary key of jobs, once for each entry. (Subqueries for one value never become a hash.)
, ended as materialized (
  select f.job_id, f.sequence, f.action, f.at, f.from_status, f.to_status, f.detail,
    -- Of a job that was pruned before it was folded its last entry tells the type.
    coalesce((select j.type from jobs j where j.id = f.job_id),
      (select g.detail ->> 'type' from audit_log g where g.job_id = f.job_id order by g.sequence desc limit 1), '') as type
  from found f
  where f.job_id is not null
    and (f.from_status is distinct from f.to_status or f.action = 'prune'
      or f.action = 'edit' and due_told(f.action, f.at, f.detail) is not null)),
lasted as (
  select e.at, e.type, e.from_status, d.wait,
    -- (A clock that was put back makes nothing shorter than nothing.)
    greatest(0, extract(epoch from e.at - b.at) * 1000000)::bigint as whole,
    greatest(0, extract(epoch from d.until - b.at) * 1000000)::bigint as waited
  from ended e
  cross join lateral (
    select p.at from audit_log p
    where p.job_id = e.job_id and p.sequence < e.sequence
      and (p.from_status is distinct from p.to_status or p.action = 'edit' and due_told(p.action, p.at, p.detail) is not null)
    order by p.sequence desc limit 1) b
  left join lateral (
    select due_told(p.action, p.at, p.detail) as until, case p.action when 'retry' then 'retry_wait' else 'scheduled' end as wait
    from audit_log p
    where e.from_status = 'queued' and p.job_id = e.job_id and p.sequence < e.sequence and due_told(p.action, p.at, p.detail) is not null
    order by p.sequence desc limit 1) d on true
  where e.action <> 'prune'),
stretches as (
  select l.type, l.at, s.state, s.microseconds, floor(8 * ln(s.microseconds::float8) / ln(2))::smallint as bucket
  from lasted l cross join lateral (values
    (l.wait, least(l.waited, l.whole)), (l.from_status, l.whole - coalesce(least(l.waited, l.whole), 0))) s (state, microseconds)
  where s.microseconds > 0),
spent as (
  insert into time_spent as t (span, begins_at, type, state, bucket, stretches, microseconds)
  select p.span, p.begins_at, s.type, s.state, s.bucket, count(*), sum(s.microseconds)
  from stretches s
  cross join lateral (values
    (60, date_trunc('minute', s.at)), (3600, date_trunc('hour', s.at, 'UTC')), (0, timestamptz 'epoch')) p (span, begins_at)
  group by 1, 2, 3, 4, 5
  on conflict (span, begins_at, type, state, bucket) do update
    set stretches = t.stretches + excluded.stretches, microseconds = t.microseconds + excluded.microseconds),
counted as (
  insert into transition_counts as t (span, begins_at, type, from_status, to_status, category, jobs)
  select p.span, p.begins_at, e.type, coalesce(e.from_status, ''), case e.action when 'prune' then '' else e.to_status end, c.category, count(*)
  from ended e
  cross join lateral (values
    (60, date_trunc('minute', e.at)), (3600, date_trunc('hour', e.at, 'UTC')), (0, timestamptz 'epoch')) p (span, begins_at)
  cross join lateral (
    select case when e.to_status = 'failed' and e.action <> 'prune' then coalesce(left(e.detail ->> 'category', 20), 'unknown') else '' end as category) c
  where e.from_status is distinct from e.to_status or e.action = 'prune'
  group by 1, 2, 3, 4, 5, 6
  on conflict (span, begins_at, type, from_status, to_status, category) do update set jobs = t.jobs + excluded.jobs)
