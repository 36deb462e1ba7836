-- What the entries of one job say of time: where it went, and for when it was set. Plan: unique index (job_id, sequence).
select e.at, e.attempt, e.action, e.from_status, e.to_status, due_told(e.action, e.at, e.detail) as due_at
from audit_log e
where e.job_id = %(job_id)s::text
  and (e.from_status is distinct from e.to_status or e.action = 'edit' and due_told(e.action, e.at, e.detail) is not null)
order by e.sequence
