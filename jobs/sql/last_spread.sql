-- For when the retries of an operation that is spread were set last; now where that is over, or where none was set yet.
-- Plan: the primary key of the items, those of the operation; unique index (job_id, sequence) of the log, once for each job of a batch.
select greatest(now(), %(judged_at)s::timestamptz, max(e.at)) as at
from (
  -- Those of the last batch are among them.
  select i.job_id from bulk_items i
  where i.operation_id = %(operation_id)s::text and i.outcome = 'changed'
  order by i.at desc limit %(batch)s::int) i
cross join lateral (
  select max(due_told(e.action, e.at, e.detail)) as at from audit_log e
  where e.job_id = i.job_id and e.action = 'retry' and e.request_id = %(operation_id)s::text) e
