-- How many jobs wait that nothing but their turn keeps from being claimed, counted to a limit and no further.
-- Plan: index-only on jobs_claim.
select count(*) as size from (
  select from jobs j
  where j.due and j.lane_id = any((select lanes_with_room(lanes_for(%(orchestrator_id)s::text, %(types)s::text[], %(labels)s::text[])))::bigint[])
  limit %(limit)s::int) as counted
