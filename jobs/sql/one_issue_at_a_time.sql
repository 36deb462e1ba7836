-- Two tokens of one name issued at once: the second waits for the first, then counts it. Held until the transaction ends.
select pg_advisory_xact_lock(hashtextextended('token/' || %(name)s::text, 0))
