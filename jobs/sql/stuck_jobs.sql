  )
-- The jobs that are stuck, the longest first, and of each rule how many there are. Goes on after time_is_up.sql; changes and locks nothing.
-- Of each rule there is one row at least. Plan: the primary key, for those that are told.
select n.rule, n.over_at, n.alike, n.nth, n.nth <= %(most)s::int as shown,
  j.id, j.type, j.status, j.orchestrator_id, j.lease_expires_at, j.cancel_requested_at, j.attempts, j.max_attempts, j.scheduled_for, j.partial
from (select f.*, count(*) over (partition by f.rule) as alike, row_number() over (partition by f.rule order by f.over_at, f.id) as nth_of_rule,
    row_number() over (order by f.over_at, f.id) as nth
  from found f) n
join jobs j on j.id = n.id
where n.nth <= %(most)s::int or n.nth_of_rule = 1
order by n.nth
