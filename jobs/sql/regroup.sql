-- Writes the fingerprints of failed runs anew, where they differ: of those among the attempts and of those that their jobs tell of.
-- Plan: unique index (job_id, epoch), primary key; by arrays of ids, as in door.sql.
with asked as materialized (
  select a.job_id, a.epoch, failure_fingerprint(a.type, a.fault) as fingerprint
  from jsonb_to_recordset(%(faults)s::jsonb) as a (job_id text, epoch int, type text, fault text)),
of_attempts as (
  update attempts t set fingerprint = a.fingerprint from asked a
  where t.job_id = any(array(select o.job_id from asked o)) and t.job_id = a.job_id and t.epoch = a.epoch and t.last_error is not null
    and t.fingerprint is distinct from a.fingerprint),
of_jobs as (
  update jobs j set fingerprint = a.fingerprint from asked a
  where j.id = any(array(select o.job_id from asked o)) and j.id = a.job_id and j.epoch = a.epoch and j.last_error is not null
    and j.fingerprint is distinct from a.fingerprint)
select a.job_id, a.epoch, a.fingerprint from asked a
