-- Orchestrators as they stand, those last heard of first: their record, what they hold, what staff said of them, and what of theirs failed
-- lately. (One that holds jobs is heard of by its reports, too: offline.sql.)
-- Plans: jobs_live, once; audit_log_failed_by and audit_log_ignored, a look for each.
with clock as materialized (select clock_timestamp() as at),
held as materialized (
  select j.orchestrator_id, count(*) filter (where j.status = 'running') as running, count(*) filter (where j.status = 'claimed') as claimed,
    min(j.lease_expires_at) as first_lease_ends_at, max(j.lease_expires_at) as last_lease_ends_at,
    max(greatest(j.claimed_at, j.acknowledged_at, j.started_at, j.progress_at, j.cancel_seen_at)) as reported_at
  from jobs j
  where j.status in ('claimed', 'running') and (%(only)s::text is null or j.orchestrator_id = %(only)s::text)
  group by j.orchestrator_id),
listed as materialized (
  select o.*, h.running, h.claimed, h.first_lease_ends_at, h.last_lease_ends_at, greatest(o.last_seen_at, h.reported_at) as heard_of_at
  from orchestrators o left join held h on h.orchestrator_id = o.id
  where %(only)s::text is null or o.id = %(only)s::text
  order by heard_of_at desc, o.id limit %(most)s::int)
select l.*, c.at as now, p.mode, p.reason, p.paused_by, p.at as paused_at, a.polled_at, a.asks, f.failures, i.ignored_cancels
from listed l cross join clock c
left join pauses p on p.scope = 'orchestrator' and p.name = l.id
cross join lateral (
  select max(s.asked_at) as polled_at,
    jsonb_agg(jsonb_build_object('types', s.types, 'labels', s.labels) order by s.asked_at desc, s.digest) as asks
  from subscriptions s where s.orchestrator_id = l.id) a
cross join lateral (
  select count(*) as failures from (
    select from audit_log e
    where e.action = 'fail' and e.actor_kind = 'orchestrator' and e.actor = l.id and e.at > c.at - make_interval(secs => %(lately)s::int)
    limit %(counted_to)s::int) counted) f
cross join lateral (
  select count(*) as ignored_cancels from (
    select from audit_log e
    where e.actor_kind = 'sweep' and e.action = 'cancel' and e.detail ->> 'ignoredBy' = l.id
      and e.at > c.at - make_interval(secs => %(lately)s::int)
    limit %(counted_to)s::int) counted) i
order by l.heard_of_at desc, l.id
