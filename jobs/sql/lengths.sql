-- How long jobs were in certain states, of all types, by the buckets of their lengths. Plan: the primary key, one range of it.
select t.state, t.bucket, sum(t.stretches)::bigint as stretches, sum(t.microseconds) as microseconds
from time_spent t
where t.span = %(span)s::smallint and t.begins_at >= %(since)s::timestamptz and t.begins_at < %(until)s::timestamptz
  and t.state = any(%(states)s::text[])
group by t.state, t.bucket order by t.state, t.bucket
