-- How old the oldest entry is that a fold has not taken in; null when there is none. Plan: index audit_log_feed.
select extract(epoch from clock_timestamp() - a.at)::float8 as seconds
from audit_log a
where (a.xid, a.id) > coalesce((select row(f.xid, f.entry) from folds f where f.name = %(fold)s::text), row('0'::xid8, 0::bigint))
order by a.xid, a.id limit 1
