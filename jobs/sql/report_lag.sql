-- How long the latest changes that tell when they were sent had been under way; null where none tells. A clock that runs ahead is no lag.
-- Plan: the primary key, backwards, so many entries.
select percentile_cont(0.5) within group (order by l.seconds) as p50, percentile_cont(0.95) within group (order by l.seconds) as p95,
  max(l.seconds) as p100
from (
  select greatest(0, extract(epoch from a.at - a.stated_at))::float8 as seconds
  from (select * from audit_log order by id desc limit %(latest)s::int) a
  where a.stated_at is not null) l
