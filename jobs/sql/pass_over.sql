-- Moves a place forward to before the oldest transaction that may still write: what lies behind that is of no interest to anybody.
update folds set xid = pg_snapshot_xmin(pg_current_snapshot()), entry = 0
where name = %(fold)s::text and xid < pg_snapshot_xmin(pg_current_snapshot())
