-- The answer that was given under a key. A statement of its own, after the lock, so that its snapshot has what the first call committed.
select k.digest, k.status, k.answer from idempotency_keys k
where k.owner = %(owner)s::text and k.key = %(key)s::text and k.answered_at > clock_timestamp() - make_interval(secs => %(kept_for)s::int)
