-- How many jobs of each group stand failed, counted to a limit.
-- Plan: index jobs_failed_alike, its entries alone.
select f.fingerprint, n.jobs
from unnest(%(fingerprints)s::text[]) as f (fingerprint)
cross join lateral (
  select count(*)::int as jobs from (
    select from jobs j where j.status = 'failed' and j.fingerprint = f.fingerprint limit %(most)s::int) j) n
