-- Minutes that are old enough become part of their hours, some at a time; what they add up to stays the same.
-- Under the lock of the fold, so that nobody else writes these tables meanwhile.
-- Plan: the primary keys, which begin with the span and the time.
with place as materialized (
  select f.name from folds f where f.name = %(fold)s::text for no key update skip locked),
too_fine as materialized (
  select date_trunc('hour', clock_timestamp() - make_interval(secs => %(kept_for)s::int), 'UTC') as until from place),
spent as (
  delete from time_spent where ctid = any(array(
    select t.ctid from time_spent t where t.span = 60 and t.begins_at < (select o.until from too_fine o)
    order by t.begins_at limit %(most)s::int))
  returning begins_at, type, state, bucket, stretches, microseconds),
counted as (
  delete from transition_counts where ctid = any(array(
    select t.ctid from transition_counts t where t.span = 60 and t.begins_at < (select o.until from too_fine o)
    order by t.begins_at limit %(most)s::int))
  returning begins_at, type, from_status, to_status, category, jobs),
hours_spent as (
  insert into time_spent as t (span, begins_at, type, state, bucket, stretches, microseconds)
  select 3600, date_trunc('hour', s.begins_at, 'UTC'), s.type, s.state, s.bucket, sum(s.stretches), sum(s.microseconds)
  from spent s group by 1, 2, 3, 4, 5
  on conflict (span, begins_at, type, state, bucket) do update
    set stretches = t.stretches + excluded.stretches, microseconds = t.microseconds + excluded.microseconds),
hours_counted as (
  insert into transition_counts as t (span, begins_at, type, from_status, to_status, category, jobs)
  select 3600, date_trunc('hour', c.begins_at, 'UTC'), c.type, c.from_status, c.to_status, c.category, sum(c.jobs)
  from counted c group by 1, 2, 3, 4, 5, 6
  on conflict (span, begins_at, type, from_status, to_status, category) do update set jobs = t.jobs + excluded.jobs)
select greatest((select count(*) from spent), (select count(*) from counted))::int as rolled
