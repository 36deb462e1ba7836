-- The groups with the most failures since an hour, with their counts by the hour; and how many there were in all. Plan: failure_counts_hour.
with counted as materialized (
  select c.fingerprint, c.hour, c.failures from failure_counts c where c.hour >= %(since)s::timestamptz and c.failures > 0),
groups as materialized (select c.fingerprint, sum(c.failures)::bigint as failures from counted c group by c.fingerprint)
select g.fingerprint, g.type, g.title, g.state, g.first_seen_at, g.last_seen_at, t.failures as lately,
  (select array_agg(c.hour order by c.hour) from counted c where c.fingerprint = t.fingerprint) as hours,
  (select array_agg(c.failures order by c.hour) from counted c where c.fingerprint = t.fingerprint) as counts,
  (select sum(a.failures)::bigint from groups a) as all_failures, (select count(*) from groups) as all_groups
from (select * from groups order by failures desc, fingerprint limit %(most)s::int) t
join failure_groups g on g.fingerprint = t.fingerprint
order by t.failures desc, t.fingerprint
