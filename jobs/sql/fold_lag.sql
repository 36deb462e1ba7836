-- How old the oldest entry is that a fold has not taken in; null when there is none. Plan: index audit_log_feed, from the place on.
-- (The place in two values: a row out of one subquery is compared with every entry from the first.)
select extract(epoch from clock_timestamp() - a.at)::float8 as seconds
from audit_log a
where (a.xid, a.id) > (
  coalesce((select f.xid from folds f where f.name = %(fold)s::text), '0'::xid8),
  coalesce((select f.entry from folds f where f.name = %(fold)s::text), 0))
order by a.xid, a.id limit 1
