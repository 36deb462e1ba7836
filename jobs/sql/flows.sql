-- How many jobs went where in a period: by its steps for all types together, and by types for the whole of it.
-- Plan: the primary key, one range of it.
select date_bin(make_interval(secs => %(step)s::int), t.begins_at, %(since)s::timestamptz) as begins_at, t.type, t.from_status, t.to_status,
  sum(t.jobs)::bigint as jobs
from transition_counts t
where t.span = %(span)s::smallint and t.begins_at >= %(since)s::timestamptz and t.begins_at < %(until)s::timestamptz
group by grouping sets ((1, t.from_status, t.to_status), (t.type, t.to_status))
