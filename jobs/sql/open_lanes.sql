-- Lanes for types seen for the first time. A statement of its own, before enqueue.sql, which then sees also those that a neighbour
-- has just made.
insert into lanes (type)
select distinct t.type from unnest(%(types)s::text[]) as t (type)
where not exists (select from lanes l where l.type = t.type)
on conflict (type) do nothing
