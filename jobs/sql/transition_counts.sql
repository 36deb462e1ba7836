-- How many jobs went where: in steps of a period (of one length, counted from 1970), or all together. Goes on after moments.sql.
-- Plan: the primary key.
select
  case when %(step)s::int is not null then date_bin(make_interval(secs => %(step)s::int), t.begins_at, 'epoch') end as begins_at,
  t.type, t.from_status, t.to_status, t.category, sum(t.jobs)::bigint as jobs
from moments m join transition_counts t on t.span = %(span)s::smallint and t.begins_at = m.at
  and t.type >= %(first)s::text and t.type <= %(last)s::text
group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
