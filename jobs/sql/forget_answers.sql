-- Removes answers that nobody may ask for any more, a few at a time. Any number may run at once.
-- Plan: index idempotency_keys_answered. (select clock_timestamp()), never the bare call: a volatile function can't be an index condition.
with old as materialized (
  select k.ctid from idempotency_keys k
  where k.answered_at <= (select clock_timestamp() - make_interval(secs => %(kept_for)s::int))
  order by k.answered_at limit %(limit)s::int for update skip locked),
gone as (
  delete from idempotency_keys where ctid = any(array(select o.ctid from old o)) returning 1)
select count(*)::int as removed from gone
