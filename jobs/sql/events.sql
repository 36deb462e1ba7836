-- The entries of the whole site after a place, by the transaction that they are labelled with, then by id. (entries.sql follows.)
-- Ids are handed out before commits are seen. What is `settled` lies below the oldest transaction that may still write: no label is below
-- its writer's own id, so nothing comes to stand behind a reader. What is not settled yet is told only for its age.
-- Plan: index audit_log_feed.
with found as materialized (
  select e.*, row_number() over (order by e.xid, e.id) as place, e.xid < pg_snapshot_xmin(pg_current_snapshot()) as settled
  from audit_log e where (e.xid, e.id) > (%(xid)s::text::xid8, %(id)s::bigint)
  order by e.xid, e.id limit %(limit)s::int + 1)
