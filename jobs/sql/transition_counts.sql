-- How many jobs went where: in steps of a period (of one length, counted from 1970), or all together. Plan: the primary key.
select
  case when %(step)s::int is not null then date_bin(make_interval(secs => %(step)s::int), t.begins_at, 'epoch') end as begins_at,
  t.type, t.from_status, t.to_status, t.category, sum(t.jobs)::bigint as jobs
from transition_counts t
where t.span = %(span)s::smallint and t.begins_at >= %(since)s::timestamptz and t.begins_at < %(until)s::timestamptz
  and (%(type)s::text is null or t.type = %(type)s::text)
group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
