-- New jobs with their first audit entries, all or none. What the caller knows already does not come back.
with asked as materialized (
  select a.*, l.id as lane_id, coalesce(a.max_attempts, t.max_attempts, %(max_attempts)s::int) as most_attempts,
    coalesce(a.timeout_seconds, t.timeout_seconds, %(timeout_seconds)s::int) as longest_seconds
  from jsonb_to_recordset(%(jobs)s::jsonb) as a (
    id text, type text, payload jsonb, metadata jsonb, priority int, scheduled_for timestamptz, max_attempts int, timeout_seconds int,
    retried_from text, unique_key text, labels text[], retry_policy jsonb)
  join lanes l on l.type = a.type and l.labels = coalesce(a.labels, '{}')
  -- What the producer does not say, the type may. (Its other words are read when they are needed: they may change until then.)
  left join job_types t on t.name = a.type),
clock as materialized (select clock_timestamp() as at),
-- In the order of their unique keys, so that lists that share some can't deadlock.
made as (
  insert into jobs (id, type, status, lane_id, due, priority, payload, metadata, attempts, max_attempts, epoch, partial, created_by,
    timeout_seconds, scheduled_for, created_at, updated_at, kept_by_heartbeats, claim_losses, late_epochs,
    retried_from, unique_key, labels, retry_policy, audit_seq, event_xid)
  select a.id, a.type, 'queued', a.lane_id, coalesce(a.scheduled_for, c.at) <= c.at, a.priority, a.payload, a.metadata,
    0, a.most_attempts, 0, false, %(created_by)s::text, a.longest_seconds, coalesce(a.scheduled_for, c.at), c.at, c.at,
    false, 0, '{}', a.retried_from, a.unique_key, a.labels, a.retry_policy, 0, pg_current_xact_id()
  from asked a cross join clock c order by a.unique_key nulls first, a.id
  returning id, lane_id, due, max_attempts, timeout_seconds, scheduled_for, created_at, updated_at, event_xid),
logged as (
  insert into audit_log (job_id, sequence, action, from_status, to_status, actor_kind, actor, epoch, attempt, request_id, at, reason,
    detail, xid)
  select m.id, 0, 'enqueue', null, 'queued', %(actor_kind)s::text, %(actor)s::text, 0, 1, %(request_id)s::text, m.created_at,
    %(reason)s::text, case when not m.due then jsonb_build_object('scheduledFor',
      to_char(m.scheduled_for at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) end, m.event_xid
  from made m order by m.id),
-- Wakes long polls, of types that had nothing to claim until now: a commit that notifies takes a lock of the whole cluster, so it must not
-- while the queue is long. At most one notification a transaction (PostgreSQL folds equal ones), and nothing depends on it.
woken as (
  select pg_notify('jobs_due', '') from (select distinct m.lane_id from made m where m.due) l
  where not exists (select from jobs j where j.lane_id = l.lane_id and j.due))
-- (A cross join: an outer one to a single row that nobody reads would be taken out of the plan.)
select m.* from made m cross join (select count(*) from woken) w order by m.id
