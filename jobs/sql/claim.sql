-- The function is in the migrations: claims at most n due jobs, best first; a claim that is repeated gets what is left of it.
select j.* from claim_jobs(%(types)s::text[], %(labels)s::text[], %(batch_size)s::int, %(orchestrator_id)s::text, %(claim_id)s::text,
  %(request_id)s::text, %(lease_seconds)s::int, %(answer_limit)s::bigint) as j
