-- Operations that ended long ago, with their items and what a retry of a group added to them; a few of them.
-- Any number may run at once. Plan: index bulk_operations_ended; the primary keys.
with old as materialized (
  select o.id from bulk_operations o
  where o.ended_at < (select clock_timestamp() - %(kept_for)s::interval)
  order by o.ended_at limit %(limit)s::int for update skip locked),
items as (delete from bulk_items i where i.operation_id = any(array(select id from old))),
retries as (delete from canary_retries c where c.operation_id = any(array(select id from old)))
delete from bulk_operations o where o.id = any(array(select id from old)) returning o.id
