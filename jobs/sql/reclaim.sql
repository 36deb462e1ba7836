-- What is left of an earlier claim whose answer was lost: the jobs of that claim that the caller still holds under a live lease.
select j.* from jobs j
where j.orchestrator_id = %(orchestrator_id)s::text and j.claim_id = %(claim_id)s::text
  and j.status in ('claimed', 'running') and (j.lease_expires_at > clock_timestamp() or brake_holds(clock_timestamp()))
order by -j.priority, j.scheduled_for, j.id
