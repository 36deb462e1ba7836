-- At most once a minute, and never waiting: whoever holds the row is noting the same, and its commit waits for no disk and no standby
-- (in a transaction of its own, so that nobody else's commit is hurried): a use that is forgotten harms nobody.
with unhurried as materialized (select set_config('synchronous_commit', 'off', true))
update api_tokens t set last_used_at = clock_timestamp() from unhurried
where t.public_id = (
  select u.public_id from api_tokens u
  where u.public_id = %(public_id)s::text and coalesce(u.last_used_at < clock_timestamp() - interval '60 seconds', true)
  for update skip locked)
