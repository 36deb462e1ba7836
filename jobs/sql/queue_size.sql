-- How many jobs could be claimed now, counted to 10,000 and no further. Plan: index-only on jobs_claim.
select count(*) as size from (
  select from jobs j
  where j.due and j.lane_id = any(array(
    select l.id from claimable_lanes l where %(types)s::text[] is null or l.type = any(%(types)s::text[])))
  limit 10000) as counted
