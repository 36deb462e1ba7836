-- Failures after a place in the log, oldest first, each with the group that its row names now; as far as nothing can come between any more
-- (as in events.sql). Failures from before there were fingerprints have none.
-- Plan: index audit_log_failures, then one row each by (job_id, epoch) and by the primary key.
with found as materialized (
  select e.xid, e.id, e.job_id, e.epoch, e.at from audit_log e
  where e.action = 'fail' and (e.xid, e.id) > (%(xid)s::text::xid8, %(entry_id)s::bigint) and e.xid < pg_snapshot_xmin(pg_current_snapshot())
  order by e.xid, e.id limit %(limit)s::int)
select f.xid::text as xid, f.id, f.job_id, f.epoch, f.at, coalesce(a.fingerprint, j.fingerprint) as fingerprint
from found f
-- The run that failed is among the attempts once its job was queued again, else on the job.
left join lateral (select a.fingerprint from attempts a where a.job_id = f.job_id and a.epoch = f.epoch limit 1) a on true
left join lateral (select j.fingerprint from jobs j where j.id = f.job_id and j.epoch = f.epoch limit 1) j on true
order by f.xid, f.id
