  -- Rows that somebody holds are skipped; of one that has just been changed the rule is judged again on what it is now. So any number of
  -- sweeps equals one.
  for no key update of j skip locked),
-- Between time_is_up.sql and stuck.sql, for a sweep that moves them. (Locked already: this reads them as they are now.)
locked as materialized (
  select j.* from jobs j where j.id = any(array(select f.id from found f)) order by j.id for no key update),
