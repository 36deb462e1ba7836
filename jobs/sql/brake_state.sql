-- Whether the brake holds: who is overdue, or why it was engaged, and how many running leases that have run out it keeps.
select o.overdue, case when o.overdue is null then w.brake_reason end as reason,
  case o.overdue when 'web' then w.web_due_by when 'sweeper' then w.sweeper_due_by else w.brake_since end as since,
  case when o.overdue is null then w.brake_until end as until,
  (select count(*) from jobs j where j.status = 'running' and j.lease_expires_at <= c.at) as kept
from watch w cross join (select clock_timestamp() as at) c
cross join lateral (select case when w.web_due_by < c.at then 'web' when w.sweeper_due_by < c.at then 'sweeper' end as overdue) o
where w.brake_until > c.at or o.overdue is not null
