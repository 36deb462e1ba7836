-- What is asked: one row an item, each about one job. The head of the door's statement (judged.sql follows).
with asked as materialized (
  select a.ordinality as ord, a.job_id, a.action, a.epoch, decode(a.digest, 'hex') as digest, a.stated_at, a.expected_updated_at,
    a.force, a.reason, a.error, a.category, a.fault, a.exit_code, a.result, a.partial, a.detail, a.retryable, a.retry_after_seconds,
    a.priority, a.scheduled_for, a.metadata, a.max_attempts, a.timeout_seconds,
    row_number() over (partition by a.job_id order by a.ordinality) as nth
  from rows from (jsonb_to_recordset(%(items)s::jsonb) as (
    job_id text, action text, epoch int, digest text, stated_at timestamptz, expected_updated_at timestamptz,
    force boolean, reason text, error text, category text, fault text, exit_code bigint, result jsonb, partial boolean, detail jsonb,
    retryable boolean, retry_after_seconds int,
    priority int, scheduled_for timestamptz, metadata jsonb, max_attempts int, timeout_seconds int)) with ordinality as a),
-- In the order of the ids, so that overlapping batches can't deadlock. NO KEY: inserts that refer to a job need not wait.
locked as materialized (
  select j.* from jobs j where j.id = any(array(select a.job_id from asked a)) order by j.id for no key update),
-- Read after the last lock was granted, however long that took: counting the locked rows makes it wait.
clock as materialized (select clock_timestamp() as at from (select count(*) from locked) l)
