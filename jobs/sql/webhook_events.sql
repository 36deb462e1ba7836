-- New entries that changed a status, each made into one delivery for each endpoint that is to be told. (fold.sql stands before, folded.sql
-- follows.) The id of an event is by chance, so that none comes again after a backup was restored.
-- An entry may be labelled later than its writer, never earlier: from the horizon on at which the endpoint was enabled, none is missed.
-- Plan: the primary key of jobs and the unique index (job_id, sequence), once for each entry; endpoints are few.
, changed as materialized (
  select f.id, f.xid, f.job_id, f.sequence, f.action, f.from_status, f.to_status, f.attempt, f.at,
    'job.' || f.to_status as event, 'evt_' || replace(gen_random_uuid()::text, '-', '') as event_id,
    -- Of a job that was pruned before it was folded its last entry tells the type.
    coalesce((select j.type from jobs j where j.id = f.job_id),
      (select g.detail ->> 'type' from audit_log g where g.job_id = f.job_id order by g.sequence desc limit 1), '') as type,
    case when f.to_status = 'failed' then coalesce(left(f.detail ->> 'category', 20), 'unknown') end as category,
    case when f.to_status in ('completed', 'failed', 'cancelled') then f.detail -> 'exitCode' end as exit_code
  from found f
  where f.job_id is not null and f.from_status is distinct from f.to_status),
made as (
  insert into webhook_deliveries (endpoint_id, event_id, event, job_id, entry_id, sequence, state, made_at, next_try_at, step, tries, body)
  select e.id, c.event_id, c.event, c.job_id, c.id, c.sequence, 'pending', clock_timestamp(), clock_timestamp(), 0, 0,
    jsonb_build_object('type', c.event, 'timestamp', wire_time(c.at), 'data', jsonb_build_object(
      'jobId', c.job_id, 'jobType', c.type, 'action', c.action, 'fromStatus', c.from_status, 'toStatus', c.to_status,
      'attempt', c.attempt, 'category', c.category, 'exitCode', c.exit_code, 'sequence', c.sequence))::text
  from changed c join webhook_endpoints e on e.enabled and c.xid >= e.since
    and (e.events = '{}' or c.event = any(e.events))
    and (e.types = '{}' or c.type = any(e.types))
    and (c.category is null or e.categories = '{}' or c.category = any(e.categories))
  order by c.xid, c.id
  on conflict (endpoint_id, entry_id) do nothing)
