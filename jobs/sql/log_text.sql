-- The next stretch of a job's whole log behind one place: some thousand lines, or about a megabyte, whichever ends first.
-- Plan: the primary key, in its order; the length of a line is known without reading it.
select l.epoch, l.sequence, l.line
from (
  select n.*, sum(octet_length(n.line)) over (order by n.epoch, n.sequence) - octet_length(n.line) as bytes_before
  from (
    select t.epoch, t.sequence, t.line from log_lines t
    where t.job_id = %(job_id)s::text and (t.epoch, t.sequence) > (%(epoch)s::int, %(after)s::bigint)
    order by t.epoch, t.sequence limit %(lines)s::int) n) l
where l.bytes_before < %(bytes)s::bigint
order by l.epoch, l.sequence
