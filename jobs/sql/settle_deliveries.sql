-- Writes what became of tries, for who still has them; whose time ran out, and whom another has taken since, is passed over.
-- Plan: primary key.
with outcome as materialized (
  select * from unnest(%(ids)s::bigint[], %(leases)s::bigint[], %(states)s::text[], %(delays)s::float8[], %(ats)s::timestamptz[],
    %(seconds)s::float8[], %(statuses)s::int[], %(answers)s::text[], %(errors)s::text[])
    as o (id, lease, state, delay, at, seconds, status, answer, error)),
settled as (
  update webhook_deliveries d
  set state = o.state, tries = d.tries + 1, step = d.step + 1, lease = null, last_try_at = o.at, last_status = o.status, last_error = o.error,
    next_try_at = case when o.state = 'pending' then clock_timestamp() + make_interval(secs => o.delay) end,
    settled_at = case when o.state <> 'pending' then clock_timestamp() end
  from outcome o
  where d.id = any(array(select p.id from outcome p)) and d.id = o.id and d.lease = o.lease and d.state = 'pending'
  returning d.id, d.tries),
kept as (
  insert into webhook_attempts (delivery_id, number, at, seconds, status, answer, error)
  select s.id, s.tries, o.at, o.seconds, o.status, o.answer, o.error from settled s join outcome o on o.id = s.id)
select s.id from settled s
