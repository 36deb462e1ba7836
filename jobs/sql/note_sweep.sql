-- Writes down what a sweep found, by rule. Of a loop only what changed something, and otherwise one run of each rule an hour.
-- What a rule looks at is counted for rows that are written: what is left in that state, and what has just left it. (Subqueries, which are
-- not run before they are needed.) Plan: index jobs_live, once.
with live as materialized (
  select count(*) as held, count(*) filter (where j.status = 'running') as running,
    count(*) filter (where j.status = 'claimed' and j.acknowledged_at is null) as unacknowledged,
    count(*) filter (where j.status = 'claimed' and j.releases is not null) as given_back,
    count(*) filter (where j.cancel_requested_at is not null) as cancelling
  from jobs j where j.status in ('claimed', 'running'))
insert into sweep_runs (at, rule, examined, found, changed, seconds, actor, reason, dry_run, brake)
select c.at, f.rule, f.changed + case f.rule
    when 'unacknowledged' then (select l.unacknowledged from live l)
    when 'timeout' then (select l.running from live l)
    when 'cancel_overdue' then (select l.cancelling from live l)
    when 'release_loop' then (select l.given_back from live l)
    when 'unroutable' then f.found
    else (select l.held from live l) end, f.found, f.changed, %(seconds)s::float8, %(actor)s::text, %(reason)s::text, %(dry_run)s::boolean,
  -- (It keeps running leases only.)
  case when f.rule in ('lease_lost', 'timeout') then %(brake)s::text end
from (select clock_timestamp() as at) c cross join jsonb_to_recordset(%(rules)s::jsonb) as f (rule text, found int, changed int)
where f.changed > 0 or %(by_hand)s::boolean
  or not exists (select from sweep_runs r where r.rule = f.rule and r.at > c.at - interval '1 hour' and not r.dry_run)
