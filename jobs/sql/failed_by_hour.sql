-- How many runs failed in each hour of a time in which any did, in its last minutes, and since when there are figures.
-- Plan: the primary key; of a range the table is looked at for failures alone.
select x.began_at, x.lately, h.begins_at, h.failed
from (select
    (select min(t.begins_at) from transition_counts t where t.span = 3600) as began_at,
    (select coalesce(sum(t.jobs), 0)::bigint from transition_counts t
      where t.span = 60 and t.begins_at >= %(lately)s::timestamptz and t.to_status = 'failed') as lately) x
left join lateral (
  select t.begins_at, sum(t.jobs)::bigint as failed from transition_counts t
  where t.span = 3600 and t.begins_at >= %(since)s::timestamptz and t.to_status = 'failed' group by 1) h on true
