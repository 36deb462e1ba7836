-- How far holders have got: no change of status, no audit entry, no updated_at. Runs in the transaction in which the door has just judged
-- that the jobs are theirs, so the rows are locked and nothing is judged again.
-- At most one stored change a second and job, phase and progress together: of a burst the first stays. What says nothing new is no change;
-- what comes with a start is part of it.
with noted as materialized (
  select n.* from jsonb_to_recordset(%(notes)s::jsonb) as n (job_id text, phase text, progress jsonb, with_start boolean)),
clock as materialized (select clock_timestamp() as at)
update jobs j set phase = coalesce(n.phase, j.phase), progress = coalesce(n.progress, j.progress), progress_at = c.at
from noted n cross join clock c
where j.id = any(array(select o.job_id from noted o)) and j.id = n.job_id
  and (n.with_start or coalesce(j.progress_at <= c.at - interval '1 second', true))
  and (coalesce(n.phase, j.phase), coalesce(n.progress, j.progress)) is distinct from (j.phase, j.progress)
returning j.id, j.phase, j.progress, j.progress_at
