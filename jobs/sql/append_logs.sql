-- Lines of one claim, each stored once: a repeat is a no-op. From whoever holds that epoch, or held it until a little while ago.
with claim as materialized (
  select j.id, coalesce(%(epoch)s::int, j.epoch) as epoch,
    j.status in ('claimed', 'running') and j.epoch = coalesce(%(epoch)s::int, j.epoch)
      and j.orchestrator_id = %(orchestrator_id)s::text
      and (j.lease_expires_at > clock_timestamp() or brake_holds(clock_timestamp())) as holds,
    j.cancel_requested_at is not null as cancelling, j.cancel_seen_at is null as unseen
  from jobs j where j.id = %(job_id)s::text),
-- Which epoch a caller without a token means when it no longer holds the job: the last one it held.
meant as materialized (
  select c.*, case when c.holds or %(epoch)s::int is not null then c.epoch else (
      select max(e.epoch) from audit_log e
      where e.job_id = c.id and e.actor_kind = 'orchestrator' and e.actor = %(orchestrator_id)s::text) end as of_epoch
  from claim c),
judged as materialized (
  select m.*, m.holds or exists (
      select from audit_log mine
      where mine.job_id = m.id and mine.epoch = m.of_epoch and mine.action = 'claim' and mine.actor = %(orchestrator_id)s::text)
    and coalesce((select min(e.at) from audit_log e where e.job_id = m.id
        and (e.epoch > m.of_epoch or e.epoch = m.of_epoch and e.action in ('complete', 'fail', 'cancel', 'release')))
      > clock_timestamp() - make_interval(secs => %(grace)s::int), true) as accepted
  from meant m),
stored as (
  insert into log_lines (job_id, epoch, sequence, stream, line, stated_at, at)
  select g.id, g.of_epoch, a.sequence, a.stream, a.line, a.stated_at, clock_timestamp()
  from judged g cross join jsonb_to_recordset(%(entries)s::jsonb) as a (sequence bigint, stream text, line text, stated_at timestamptz)
  where g.accepted order by a.sequence on conflict do nothing returning sequence),
-- The answer tells its holder of the cancel. (Judged again under the lock.)
told as (
  update jobs j set cancel_seen_at = clock_timestamp() from judged g
  where g.holds and g.cancelling and g.unseen and j.id = any(array(select g.id from judged g))
    and j.status in ('claimed', 'running') and j.epoch = g.epoch and j.cancel_requested_at is not null and j.cancel_seen_at is null)
select g.accepted, g.holds, g.cancelling, g.of_epoch, (select count(*) from stored) as stored,
  greatest((select max(s.sequence) from stored s),
    (select max(l.sequence) from log_lines l where l.job_id = g.id and l.epoch = g.of_epoch)) as newest
from judged g
