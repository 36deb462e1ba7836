-- Removes runs that nobody asks about any more, a few at a time.
delete from sweep_runs where id = any(array(
  select r.id from sweep_runs r where r.at < clock_timestamp() - make_interval(days => %(days)s::int) order by r.id limit %(limit)s::int
  for update skip locked)) returning id
