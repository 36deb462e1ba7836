-- What waits to be sent, by endpoint: how many, counted so far, and since when the oldest is due. Plan: index webhook_deliveries_due.
select e.id, e.name, e.failing_since,
  (select count(*) from (select from webhook_deliveries d where d.endpoint_id = e.id and d.state = 'pending' limit %(most)s::int) c)::int
    as pending,
  greatest(0, (select extract(epoch from clock_timestamp() - d.next_try_at) from webhook_deliveries d
    where d.endpoint_id = e.id and d.state = 'pending' order by d.next_try_at limit 1))::float8 as overdue
from webhook_endpoints e where e.enabled order by e.id
