-- The next items of an operation whose row the caller holds, and which of their jobs it may change now: their rows are locked, in the
-- order of their ids. One that somebody else has locked is not waited for; it comes again in a later batch, after all that came less often.
with next as materialized (
  -- Plan: the primary key, from the operation's first item to its last.
  select i.ordinal, i.job_id, i.tries from bulk_items i
  where i.operation_id = %(operation_id)s::text and i.outcome is null
  order by i.tries, i.ordinal limit %(limit)s::int),
free as materialized (
  select j.id from jobs j where j.id = any(array(select n.job_id from next n)) order by j.id for no key update skip locked)
select n.ordinal, n.job_id, n.tries, exists (select from free f where f.id = n.job_id) as free,
  exists (select from jobs j where j.id = n.job_id) as there
from next n order by n.ordinal
