-- Adds failures to groups, and widens the time in which they were seen; for who has locked them.
-- Plan: primary key.
update failure_groups g
set failures = g.failures + s.failures, first_seen_at = least(g.first_seen_at, s.first_at), last_seen_at = greatest(g.last_seen_at, s.last_at)
from unnest(%(fingerprints)s::text[], %(numbers)s::int[], %(firsts)s::timestamptz[], %(lasts)s::timestamptz[])
  as s (fingerprint, failures, first_at, last_at)
where g.fingerprint = s.fingerprint
