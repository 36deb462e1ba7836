-- No claim is under way from here to the end of the transaction. Claims share this lock among each other (claim_unpaused).
select pg_advisory_xact_lock(hashtextextended('pauses', 0))
