-- How many of some jobs have lines, and how many those are. Plan: the primary key.
select count(*) filter (where n.lines > 0)::int as jobs, coalesce(sum(n.lines), 0)::bigint as lines
from unnest(%(ids)s::text[]) i (id) cross join lateral (select count(*) as lines from log_lines l where l.job_id = i.id) n
