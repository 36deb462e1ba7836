-- Lanes for types and sets of required labels seen for the first time; the labels are sorted and distinct. The types themselves, too.
-- A statement of its own, before enqueue.sql, which then sees also those that a neighbour has just made.
-- In one order, whoever asks: who makes one that a neighbour is making waits for it, and two that do so crosswise can't.
with opened as (
  insert into lanes (type, labels)
  select distinct a.type, a.labels from jsonb_to_recordset(%(lanes)s::jsonb) as a (type text, labels text[])
  where not exists (select from lanes l where l.type = a.type and l.labels = a.labels)
  order by a.type, a.labels
  on conflict (type, labels) do nothing
  returning type)
insert into job_types (name) select distinct o.type from opened o order by o.type on conflict (name) do nothing
