-- The same claim asked twice at once: the second waits for the first, then finds what that one got. Held until the transaction ends.
select pg_advisory_xact_lock(hashtextextended(%(orchestrator_id)s::text || '/' || %(claim_id)s::text, 0))
