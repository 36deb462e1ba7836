-- At most once a minute, and never waiting: whoever holds the row is noting the same.
update api_tokens t set last_used_at = clock_timestamp()
where t.public_id = (
  select u.public_id from api_tokens u
  where u.public_id = %(public_id)s::text and coalesce(u.last_used_at < clock_timestamp() - interval '60 seconds', true)
  for update skip locked)
