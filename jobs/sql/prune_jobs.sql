-- Deletes jobs with their runs, and with the lines that came meanwhile (prune_lines.sql has been there). A last entry keeps what they were;
-- the log stays, and so does whatever names them elsewhere.
-- Judged on the locked row: a job that was retried meanwhile stays. What others hold is passed over, so any number of pruners equals one.
-- Plan: the primary key; index attempts_once_per_epoch.
with old as materialized (
  select j.id, j.status, j.completed_at, j.epoch, j.attempts, j.audit_seq, j.type, j.labels, j.unique_key, j.retried_from, j.fingerprint,
    greatest(j.event_xid, pg_current_xact_id()) as event_xid
  from jobs j
  where j.id = any(%(ids)s::text[]) and j.status in ('cancelled', 'completed', 'failed') and j.updated_at <= %(ended_by)s::timestamptz
  order by j.id for update skip locked),
logged as (
  insert into audit_log (job_id, sequence, action, from_status, to_status, actor_kind, actor, epoch, attempt,
    request_id, at, detail, xid)
  select o.id, o.audit_seq + 1, 'prune', o.status, o.status, %(actor_kind)s::text, %(actor)s::text, o.epoch, o.attempts + 1,
    %(request_id)s::text, clock_timestamp(), jsonb_strip_nulls(jsonb_build_object('type', o.type, 'labels', o.labels,
      'uniqueKey', o.unique_key, 'retriedFrom', o.retried_from, 'fingerprint', o.fingerprint)), o.event_xid
  from old o),
lines as (delete from log_lines where job_id = any(array(select o.id from old o))),
runs as (delete from attempts where job_id = any(array(select o.id from old o))),
gone as (delete from jobs where id = any(array(select o.id from old o)))
select o.id from old o
