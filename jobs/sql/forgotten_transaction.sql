-- The oldest open transaction that keeps vacuum from removing what died since it began, when it has been open for longer than so many
-- seconds. (How long those of other roles are open is told to members of pg_read_all_stats only.)
select a.pid, a.usename::text as role, a.application_name as application, a.state,
  extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds
from pg_stat_activity a
where a.datname = current_database() and a.backend_type = 'client backend' and a.pid <> pg_backend_pid()
  and (a.backend_xmin is not null or a.backend_xid is not null)
  and a.xact_start < clock_timestamp() - make_interval(secs => %(longer_than)s::float8)
order by a.xact_start limit 1
