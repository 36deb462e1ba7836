-- How many jobs could be claimed now, counted to 10,000 and no further. Plan: index-only on jobs_claim.
select count(*) as size from (
  select from jobs j
  where j.due and (%(types)s::text[] is null or j.lane_id in (select l.id from lanes l where l.type = any(%(types)s::text[])))
  limit 10000) as counted
