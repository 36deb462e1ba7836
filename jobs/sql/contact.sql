-- Notes that an orchestrator spoke, at most every five seconds; makes its row at its first word.
insert into orchestrators as o (id, first_seen_at, last_seen_at) values (%(orchestrator_id)s::text, clock_timestamp(), clock_timestamp())
on conflict (id) do update set last_seen_at = excluded.last_seen_at where o.last_seen_at < excluded.last_seen_at - interval '5 seconds'
