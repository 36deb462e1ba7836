-- Notes that an orchestrator claims, and what it asks for, each at most every five seconds; makes its row at its first word.
-- Asked first, because a conflicting insert locks the row even when it then changes nothing: claims of one identity would wait for
-- each other.
with clock as materialized (select clock_timestamp() as at),
seen as (
  insert into orchestrators (id, first_seen_at, last_seen_at)
  select %(orchestrator_id)s::text, c.at, c.at from clock c
  where not exists (select from orchestrators o where o.id = %(orchestrator_id)s::text and o.last_seen_at > c.at - interval '5 seconds')
  on conflict (id) do update set last_seen_at = excluded.last_seen_at),
-- What it has not asked for in a while it asks for no more. One that is busy claims nothing, and comes by here only when it claims again.
over as (
  delete from subscriptions s
  where s.orchestrator_id = %(orchestrator_id)s::text and s.digest = any(array(
    select o.digest from subscriptions o cross join clock c
    where o.orchestrator_id = %(orchestrator_id)s::text and o.digest <> %(digest)s::bytea
      and o.asked_at < c.at - make_interval(secs => %(kept_seconds)s::int)
    for update of o skip locked)))
-- No more than so many sets of one orchestrator: who asks for another one each time is not worth remembering.
insert into subscriptions (orchestrator_id, digest, types, labels, asked_at)
select %(orchestrator_id)s::text, %(digest)s::bytea, %(types)s::text[], %(labels)s::text[], c.at from clock c
where not exists (
    select from subscriptions s
    where s.orchestrator_id = %(orchestrator_id)s::text and s.digest = %(digest)s::bytea and s.asked_at > c.at - interval '5 seconds')
  and (select count(*) from subscriptions s where s.orchestrator_id = %(orchestrator_id)s::text and s.digest <> %(digest)s::bytea) < 100
on conflict (orchestrator_id, digest) do update set asked_at = excluded.asked_at
