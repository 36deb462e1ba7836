-- The next jobs by their ids. Those that tell of a failure are locked, so that nobody moves it meanwhile.
-- Plan: the primary key.
with page as materialized (
  select j.id, j.epoch, j.last_error is not null as failed from jobs j where j.id > %(after)s::text order by j.id limit %(limit)s::int),
locked as materialized (
  select j.id, j.epoch from jobs j where j.id = any(array(select p.id from page p where p.failed)) order by j.id for no key update)
select p.id, l.epoch from page p left join locked l on l.id = p.id order by p.id
