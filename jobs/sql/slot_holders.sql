-- Who holds the slots of a type with a limit, most first. Plan: index jobs_slots.
select j.orchestrator_id, count(*) as held from jobs j where j.type = %(type)s::text and j.holds_slot group by 1 order by 2 desc, 1
