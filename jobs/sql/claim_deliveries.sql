-- Takes deliveries that are due, for whoever tries them now: until then, whoever comes passes over them.
-- No endpoint is tried with more than so many at a time (by the numbers of this snapshot), and with one while it fails; which endpoint comes
-- first is by chance, so that none stands behind another.
-- Plan: index webhook_deliveries_due, for each endpoint, as far as its times are of interest. (clock_timestamp() could bound no index scan.)
with room as materialized (
  select e.id, case when e.failing_since is null then %(most_each)s::int else 1 end - (
    select count(*) from webhook_deliveries d
    where d.endpoint_id = e.id and d.state = 'pending' and d.lease is not null and d.next_try_at > statement_timestamp()
      and d.next_try_at <= statement_timestamp() + make_interval(secs => %(seconds)s::int)) as places
  from webhook_endpoints e
  where e.enabled and (e.quiet_until is null or e.quiet_until <= statement_timestamp())
  order by random()),
due as materialized (
  select d.id from room r cross join lateral (
    select w.id from webhook_deliveries w
    where w.endpoint_id = r.id and w.state = 'pending' and w.next_try_at <= statement_timestamp()
    order by w.next_try_at, w.id limit greatest(r.places, 0) for no key update skip locked) d
  limit %(most)s::int)
update webhook_deliveries d
set lease = %(lease)s::bigint, next_try_at = statement_timestamp() + make_interval(secs => %(seconds)s::int)
where d.id = any(array(select u.id from due u)) and d.state = 'pending'
returning d.id, d.endpoint_id, d.event_id, d.body, d.step
