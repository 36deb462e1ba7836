-- The functions are in the migrations: claim_unpaused heeds the pauses, then claim_jobs claims at most n due jobs, best first.
select j.* from claim_unpaused(%(types)s::text[], %(batch_size)s::int, %(orchestrator_id)s::text, %(claim_id)s::text, %(request_id)s::text,
  %(lease_seconds)s::int, %(answer_limit)s::bigint) as j
order by -j.priority, j.scheduled_for, j.id
