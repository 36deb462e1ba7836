-- What one run was reported to have written to a stream; an output that is one text counts as stdout.
-- The last run that ended stands on the job itself, those before it in attempts.
select case when jsonb_typeof(r.result -> 'output') = 'object' then r.result -> 'output' ->> %(stream)s::text
    when %(stream)s::text = 'stdout' then r.result ->> 'output' end as text
from (
  select j.epoch, j.result from jobs j where j.id = %(job_id)s::text and j.status in ('completed', 'failed', 'cancelled')
  union all select a.epoch, a.result from attempts a where a.job_id = %(job_id)s::text) r
where %(epoch)s::int is null or r.epoch = %(epoch)s::int
order by r.epoch desc limit 1
