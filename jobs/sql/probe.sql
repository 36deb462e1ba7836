-- Whether anything could be claimed. Plan: jobs_claim, one look per lane.
select l.id from unnest(lanes_with_room(lanes_for(%(orchestrator_id)s::text, %(types)s::text[], %(labels)s::text[]))) as l (id)
where exists (select from jobs j where j.lane_id = l.id and j.due)
limit 1
