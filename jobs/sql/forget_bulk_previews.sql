-- Operations that were made and that nobody confirmed in time, stopped or not, with their items; a few of them.
-- Any number may run at once. Plan: index bulk_operations_unconfirmed. Skipped is what somebody is just confirming.
with old as materialized (
  select o.id from bulk_operations o
  where o.confirmed_at is null and o.created_at < (select clock_timestamp() - %(kept_for)s::interval)
  order by o.created_at limit %(limit)s::int for update skip locked),
items as (delete from bulk_items i where i.operation_id = any(array(select id from old)))
delete from bulk_operations o where o.id = any(array(select id from old)) returning o.id
