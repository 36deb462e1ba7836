-- Whether anything could be claimed. Plan: jobs_claim, one look per lane.
select l.id from claimable_lanes l
where (%(types)s::text[] is null or l.type = any(%(types)s::text[])) and exists (select from jobs j where j.lane_id = l.id and j.due)
limit 1
