-- The same call at once, twice: the second waits for the first. Held until the transaction ends. (Seeded apart from claims.)
select pg_advisory_xact_lock(hashtextextended(%(owner)s::text || '/' || %(key)s::text, 1))
