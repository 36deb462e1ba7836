-- How far the holder has got: never a change of status, no audit entry, at most one stored change a second.
update jobs j set phase = coalesce(%(phase)s::text, j.phase),
  progress = case when p.stores then %(progress)s::jsonb else j.progress end,
  progress_at = case when p.stores then c.at else j.progress_at end
from (select l.*, clock_timestamp() as at from (select * from jobs where id = %(job_id)s::text for no key update) l) c
cross join lateral (select %(progress)s::jsonb is not null and coalesce(c.progress_at <= c.at - interval '1 second', true) as stores) p
where j.id = c.id and c.status in ('claimed', 'running') and c.orchestrator_id = %(orchestrator_id)s::text
  and (%(epoch)s::int is null or c.epoch = %(epoch)s::int) and (c.lease_expires_at > c.at or brake_holds(c.at))
returning j.id
