-- As many of the entries `found` as an answer has room for, and one more where there is one. Goes on after events.sql or history.sql.
-- An entry counts at least as much as it takes on the wire: jsonb as text escapes what JSON escapes and writes numbers out in full.
, sized as (
  select f.*, sum(f.size) over (order by f.place) as size_so_far
  from (
    select f.*, 2000 + coalesce(octet_length(f.detail::text), 0) + coalesce(octet_length(to_json(f.reason)::text), 0) as size from found f) f)
select s.xid::text as xid, s.id, s.job_id, s.sequence, s.subject_type, s.subject_id, s.action, s.from_status, s.to_status, s.actor_kind,
  s.actor, s.epoch, s.attempt, s.reason, s.request_id, s.at, s.stated_at, s.detail, s.settled, s.size_so_far <= %(most_bytes)s::bigint as fits,
  extract(epoch from clock_timestamp() - s.at)::float8 as age_seconds
from sized s -- The first is always told, so the second may be the one more.
where s.place <= 2 or s.size_so_far - s.size <= %(most_bytes)s::bigint
order by s.place
