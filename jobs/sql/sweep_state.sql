-- When the sweeper will be heard of, and what the sweep did that wrote down its runs last. (One that finds nothing writes once an hour.)
-- Plan: the primary key of sweep_runs, from its end.
select w.sweeper_due_by, w.sweeper_due_by < clock_timestamp() as is_overdue, l.at, l.actor, l.changed
from (select) one left join watch w on true
left join lateral (
  select max(r.at) as at, min(r.actor) as actor, sum(r.changed)::bigint as changed
  from sweep_runs r
  where not r.dry_run and (r.at, r.actor) = (select n.at, n.actor from sweep_runs n where not n.dry_run order by n.id desc limit 1)
    and r.id > (select max(n.id) from sweep_runs n) - 1000) l on true
