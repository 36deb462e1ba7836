-- Removes deliveries that came to an end long ago, with their tries, a few at a time. Plan: index webhook_deliveries_settled.
with old as materialized (
  select d.id from webhook_deliveries d
  where d.settled_at < statement_timestamp() - %(kept_for)s::interval order by d.settled_at limit %(most)s::int for update skip locked),
tried as (delete from webhook_attempts a where a.delivery_id = any(array(select o.id from old o)))
delete from webhook_deliveries d where d.id = any(array(select o.id from old o)) returning d.id
