-- Counts that are over. Those that somebody is just adding to are left: they begin anew.
delete from auth_failures f using (
  select o.address from auth_failures o where o.began_at < clock_timestamp() - make_interval(secs => %(window)s::int)
  for update skip locked) over
where f.address = over.address
