-- Of the orchestrators that take the jobs of a lane, the one last heard of. Reads all orchestrators, which are few.
select t.orchestrator_id, t.last_seen_at
from lanes l join takers t on suits(l.type, l.labels, t.types, t.labels)
where l.id = %(lane_id)s::bigint
order by t.last_seen_at desc, t.orchestrator_id limit 1
