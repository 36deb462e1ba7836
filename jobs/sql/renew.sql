-- One lease, prolonged by its holder; progress beside it at most once a second.
update jobs j set kept_by_heartbeats = true,
  lease_expires_at = least(c.at + make_interval(secs => %(seconds)s::int),
    j.started_at + make_interval(secs => j.timeout_seconds + %(timeout_grace)s::int)),
  progress = case when p.stores then %(progress)s::jsonb else j.progress end,
  progress_at = case when p.stores then c.at else j.progress_at end
from (select l.*, clock_timestamp() as at from (select * from jobs where id = %(job_id)s::text for no key update) l) c
cross join lateral (select %(progress)s::jsonb is not null and coalesce(c.progress_at <= c.at - interval '1 second', true) as stores) p
where j.id = c.id and c.status in ('claimed', 'running') and c.orchestrator_id = %(orchestrator_id)s::text
  and c.epoch = %(epoch)s::int and (c.lease_expires_at > c.at or brake_holds(c.at))
returning j.id, j.epoch, j.orchestrator_id, j.lease_expires_at, j.cancel_requested_at
