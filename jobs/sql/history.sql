-- The entries of one job after a sequence, in order. (entries.sql follows.) Plan: unique index (job_id, sequence).
with found as materialized (
  select e.*, row_number() over (order by e.sequence) as place, true as settled
  from audit_log e where e.job_id = %(job_id)s::text and e.sequence > %(after)s::bigint
  order by e.sequence limit %(limit)s::int + 1)
