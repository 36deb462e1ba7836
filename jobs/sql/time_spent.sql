-- How long jobs were in each state, by the buckets of their lengths: of a period, or ever. Plan: the primary key.
select t.type, t.state, t.bucket, sum(t.stretches)::bigint as stretches, sum(t.microseconds) as microseconds
from time_spent t
where t.span = %(span)s::smallint and t.begins_at >= %(since)s::timestamptz and t.begins_at < %(until)s::timestamptz
  and (%(type)s::text is null or t.type = %(type)s::text)
group by t.type, t.state, t.bucket order by t.type, t.state, t.bucket
