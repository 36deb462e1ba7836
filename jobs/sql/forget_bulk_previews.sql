-- Operations that were made and that nobody confirmed in time, with their items; a batch of them.
with old as materialized (
  -- Plan: index bulk_operations_unconfirmed. Skipped is what somebody is just confirming.
  select o.id from bulk_operations o
  where o.state = 'preview' and o.created_at < clock_timestamp() - make_interval(secs => %(kept_for)s::int)
  order by o.created_at limit %(limit)s::int for update skip locked),
items as (delete from bulk_items i where i.operation_id = any(array(select id from old)))
delete from bulk_operations o where o.id = any(array(select id from old)) returning o.id
