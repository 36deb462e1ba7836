-- Lanes for types seen for the first time; no job requires labels yet, else they would be sorted and distinct. The types themselves, too.
-- A statement of its own, before enqueue.sql, which then sees also those that a neighbour has just made.
with opened as (
  insert into lanes (type, labels)
  select distinct t.type, '{}'::text[] from unnest(%(types)s::text[]) as t (type)
  where not exists (select from lanes l where l.type = t.type and l.labels = '{}')
  on conflict (type, labels) do nothing
  returning type)
insert into job_types (name) select distinct o.type from opened o on conflict (name) do nothing
