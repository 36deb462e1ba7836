  ),
-- Between time_is_up.sql and stuck.sql, for a dry run: the rows as a sweep would lock them, and no lock.
locked as materialized (
  select j.* from jobs j where j.id = any(array(select f.id from found f)) order by j.id),
