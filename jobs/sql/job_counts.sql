-- How many jobs of a type are in a status, as far as the log is folded: those that came into it, less those that left it or were pruned.
-- Plan: the primary key, those rows that count since ever.
select t.type, s.status, sum(s.jobs)::bigint as jobs
from transition_counts t cross join lateral (values (t.to_status, t.jobs), (t.from_status, -t.jobs)) s (status, jobs)
where t.span = 0 and t.begins_at = 'epoch' and s.status <> ''
group by t.type, s.status order by t.type, s.status
