-- The oldest transaction that may still write.
select pg_snapshot_xmin(pg_current_snapshot())::text as xid
