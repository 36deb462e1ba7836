-- What is shown of failure groups: how many of their jobs stand failed, counted to a limit; where the newest of these ran; how many failures
-- there were in each step of a time; and the newest retry.
-- Plan: index jobs_failed_alike, its entries alone for the count, and `looked_at` rows of each group; the primary key of the counts; index
-- canary_retries_of_group.
select f.fingerprint, n.jobs, o.ran_on, c.failures, r.operation_id, r.stage, r.state
from unnest(%(fingerprints)s::text[]) as f (fingerprint)
cross join lateral (
  select count(*)::int as jobs from (
    select from jobs j where j.status = 'failed' and j.fingerprint = f.fingerprint limit %(most)s::int) j) n
cross join lateral (
  select coalesce(jsonb_object_agg(j.orchestrator_id, j.jobs), '{}') as ran_on from (
    select j.orchestrator_id, count(*) as jobs from (
      select j.orchestrator_id from jobs j where j.status = 'failed' and j.fingerprint = f.fingerprint
      order by j.updated_at desc, j.id desc limit %(looked_at)s::int) j
    where j.orchestrator_id is not null group by 1) j) o
cross join lateral (
  select array_agg(coalesce(c.failures, 0) order by s.step) as failures
  from generate_series(0, %(steps)s::int - 1) as s (step)
  left join (
    select floor(extract(epoch from c.hour - %(since)s::timestamptz) / %(step_seconds)s::int)::int as step, sum(c.failures)::int as failures
    from failure_counts c where c.fingerprint = f.fingerprint and c.hour >= %(since)s::timestamptz group by 1) c using (step)) c
left join lateral (
  select r.operation_id, r.state as stage, b.state from canary_retries r join bulk_operations b on b.id = r.operation_id
  where r.fingerprint = f.fingerprint order by r.operation_id desc limit 1) r on true
