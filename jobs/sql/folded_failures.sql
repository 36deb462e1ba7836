-- When runs failed that have been counted: those whose entry stands in the log up to a place.
-- Plan: unique index (job_id, sequence), the few entries of each job.
select a.job_id, a.epoch, e.at
from unnest(%(job_ids)s::text[], %(epochs)s::int[]) as a (job_id, epoch)
cross join lateral (
  select e.at from audit_log e
  where e.job_id = a.job_id and e.action = 'fail' and e.epoch = a.epoch and (e.xid, e.id) <= (%(xid)s::text::xid8, %(entry_id)s::bigint)
  limit 1) e
