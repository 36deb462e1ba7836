-- How long jobs were in each state, by the buckets of their lengths: of a period, or ever. Goes on after moments.sql. Plan: the primary key.
select t.type, t.state, t.bucket, sum(t.stretches)::bigint as stretches, sum(t.microseconds) as microseconds
from moments m join time_spent t on t.span = %(span)s::smallint and t.begins_at = m.at
  and t.type >= %(first)s::text and t.type <= %(last)s::text
group by t.type, t.state, t.bucket order by t.type, t.state, t.bucket
