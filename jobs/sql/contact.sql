-- Notes that an orchestrator spoke, at most every five seconds; makes its row at its first word.
-- Asked first, because a conflicting insert locks the row even when it then changes nothing: claims of one identity would wait for
-- each other.
insert into orchestrators (id, first_seen_at, last_seen_at)
select %(orchestrator_id)s::text, clock_timestamp(), clock_timestamp()
where not exists (
  select from orchestrators o where o.id = %(orchestrator_id)s::text and o.last_seen_at > clock_timestamp() - interval '5 seconds')
on conflict (id) do update set last_seen_at = excluded.last_seen_at
