-- Jobs of a type that are held from now on count towards its new limit, or no longer towards one that it had.
-- In the order of their ids, so that it can't deadlock with batches of reports. Plan: jobs_live, a few thousand rows.
with held as materialized (
  select j.id from jobs j where j.status in ('claimed', 'running') and j.type = %(type)s::text order by j.id for no key update)
update jobs j set holds_slot = %(counts)s::boolean where j.id = any(array(select h.id from held h)) and j.holds_slot <> %(counts)s::boolean
