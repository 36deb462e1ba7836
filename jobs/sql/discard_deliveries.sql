-- What waits for an endpoint, and is not being tried just now, is not sent. A few at a time. Plan: index webhook_deliveries_due.
update webhook_deliveries set state = 'discarded', next_try_at = null, lease = null, settled_at = clock_timestamp()
where id = any(array(
  select d.id from webhook_deliveries d
  where d.endpoint_id = %(endpoint)s::bigint and d.state = 'pending' and (d.lease is null or d.next_try_at <= clock_timestamp())
  order by d.next_try_at, d.id limit %(most)s::int for no key update)) and state = 'pending'
returning id
