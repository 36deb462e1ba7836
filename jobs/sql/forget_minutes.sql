-- Deletes figures of minutes that are old, some at a time: their hours have all of them from the first.
-- Any number may run at once. Plan: the primary keys, which begin with the span and the time.
with spent as (
  delete from time_spent where ctid = any(array(
    select t.ctid from time_spent t where t.span = 60 and t.begins_at < %(before)s::timestamptz
    order by t.begins_at limit %(most)s::int for update skip locked))
  returning 1),
counted as (
  delete from transition_counts where ctid = any(array(
    select t.ctid from transition_counts t where t.span = 60 and t.begins_at < %(before)s::timestamptz
    order by t.begins_at limit %(most)s::int for update skip locked))
  returning 1)
select greatest((select count(*) from spent), (select count(*) from counted))::int as forgotten
