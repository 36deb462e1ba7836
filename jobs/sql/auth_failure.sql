-- One wrong token more from an address; a count that is a minute old begins anew. How many there are now, and how long they still count.
insert into auth_failures as f (address, began_at, count) values (%(address)s::text, clock_timestamp(), 1)
on conflict (address) do update set
  count = case when f.began_at > clock_timestamp() - make_interval(secs => %(window)s::int) then f.count + 1 else 1 end,
  began_at = case when f.began_at > clock_timestamp() - make_interval(secs => %(window)s::int) then f.began_at else clock_timestamp() end
returning count, extract(epoch from began_at - clock_timestamp())::float8 + %(window)s::int as seconds_left
