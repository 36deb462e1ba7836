-- Lanes for types and sets of required labels seen for the first time; the labels are sorted and distinct.
-- A statement of its own, before enqueue.sql, which then sees also those that a neighbour has just made.
insert into lanes (type, labels)
select distinct a.type, a.labels from jsonb_to_recordset(%(lanes)s::jsonb) as a (type text, labels text[])
where not exists (select from lanes l where l.type = a.type and l.labels = a.labels)
on conflict (type, labels) do nothing
