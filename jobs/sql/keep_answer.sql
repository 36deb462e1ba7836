-- An answer, kept under its key; one that has expired and was not yet removed gives way.
insert into idempotency_keys (owner, key, digest, status, answer, answered_at)
values (%(owner)s::text, %(key)s::text, %(digest)s::bytea, %(status)s::int, %(answer)s::bytea, clock_timestamp())
on conflict (owner, key) do update
set digest = excluded.digest, status = excluded.status, answer = excluded.answer, answered_at = excluded.answered_at
