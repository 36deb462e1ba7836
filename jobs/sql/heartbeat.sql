-- A sign of life: renews the leases of the jobs named, says what to cancel and to abandon, and notes the contact.
-- One statement for any number of jobs.
-- Writes no indexed column of jobs, no audit entry and no updated_at.
with named as materialized (
  select a.job_id, a.epoch, a.progress from jsonb_to_recordset(%(named)s::jsonb) as a (job_id text, epoch int, progress jsonb)),
held as materialized (
  select j.id, j.epoch, j.lease_expires_at, j.started_at, j.timeout_seconds, j.cancel_requested_at, j.cancel_seen_at,
    j.progress_at
  from jobs j where j.orchestrator_id = %(orchestrator_id)s::text and j.status in ('claimed', 'running') order by j.id for no key update),
clock as materialized (select clock_timestamp() as at from (select count(*) from held) h),
good as materialized (
  select n.job_id, n.progress, h.id is not null and (n.epoch is null or n.epoch = h.epoch)
      and (h.lease_expires_at > c.at or brake_holds(c.at)) as ours,
    n.epoch is not null or not %(fenced)s::boolean as renewable,
    n.progress is not null and coalesce(h.progress_at <= c.at - interval '1 second', true) as stores
  from named n cross join clock c left join held h on h.id = n.job_id),
renewed as (
  update jobs j set kept_by_heartbeats = true,
    lease_expires_at = least(c.at + make_interval(secs => %(heartbeat_lease)s::int),
      j.started_at + make_interval(secs => j.timeout_seconds + %(timeout_grace)s::int)),
    progress = case when g.stores then g.progress else j.progress end, progress_at = case when g.stores then c.at else j.progress_at end,
    cancel_seen_at = case when j.cancel_requested_at is not null then coalesce(j.cancel_seen_at, c.at) end
  from good g cross join clock c
  where j.id = any(array(select o.job_id from good o where o.ours and o.renewable))
    and g.job_id = j.id and g.ours and g.renewable returning j.id, j.lease_expires_at),
-- The others of which it is told now, for the first time, that they are to be cancelled. (A row changes once in a statement.)
told as (
  update jobs j set cancel_seen_at = c.at from clock c
  where j.id = any(array(select h.id from held h where h.cancel_requested_at is not null and h.cancel_seen_at is null
    and not exists (select from good g where g.job_id = h.id and g.ours and g.renewable)))),
seen as (
  insert into orchestrators as o (id, first_seen_at, last_seen_at, last_heartbeat_at, version, hostname, job_types, labels, capacity, place)
  select %(orchestrator_id)s::text, c.at, c.at, c.at, %(version)s::text, %(hostname)s::text, %(job_types)s::text[], %(labels)s::text[],
    %(capacity)s::jsonb, %(place)s::text
  from clock c
  on conflict (id) do update set last_seen_at = excluded.last_seen_at, last_heartbeat_at = excluded.last_heartbeat_at,
    version = coalesce(excluded.version, o.version), hostname = coalesce(excluded.hostname, o.hostname),
    job_types = coalesce(excluded.job_types, o.job_types), labels = coalesce(excluded.labels, o.labels),
    capacity = coalesce(excluded.capacity, o.capacity), place = coalesce(excluded.place, o.place),
    -- A move, as after a restart elsewhere, is remembered for as long as a lease lasts. Who moves back by then was at both places at once.
    -- (Null, and so false, where no place is told, or none was.)
    earlier_places = case when excluded.place <> o.place then (
        select jsonb_object_agg(e.place, e.at) from (
          select k.key as place, k.value::timestamptz as at from jsonb_each_text(o.earlier_places) k
          union all select o.place, o.last_heartbeat_at) e
        where e.place <> excluded.place and e.at > excluded.last_seen_at - make_interval(secs => %(heartbeat_lease)s::int))
      else o.earlier_places end,
    (double_at, double_places) = (
      select case when d.is_double then excluded.last_seen_at else o.double_at end,
        case when d.is_double then array[o.place, excluded.place] else o.double_places end
      from (select excluded.place <> o.place and (o.earlier_places ->> excluded.place)::timestamptz
        > excluded.last_seen_at - make_interval(secs => %(heartbeat_lease)s::int) as is_double) d))
select 'lease' as word, r.id as job_id, r.lease_expires_at from renewed r
union all select 'cancel', h.id, null from held h where h.cancel_requested_at is not null
union all select 'abandon', g.job_id, null from good g group by g.job_id having not bool_or(g.ours)
union all select 'unreported', h.id, null from held h where not exists (select from named n where n.job_id = h.id)
order by 1, 2
