-- The one query of an authentication. Plan: primary key.
select t.public_id, t.digest, t.name, t.scopes, t.orchestrator_id, t.expires_at, t.revoked_at is not null as revoked,
  extract(epoch from t.expires_at - clock_timestamp())::float8 as seconds_left,
  coalesce(t.last_used_at < clock_timestamp() - interval '60 seconds', true) as use_unnoted
from api_tokens t where t.public_id = %(public_id)s::text
