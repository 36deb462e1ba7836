-- Judges a sweep before it ends anything: too many running leases at once, and the brake holds for a lease period.
-- Returns up to when a running lease must have run out to be ended by this sweep: now; or, while the brake holds, the moment up to which
-- they have had their lease period under the brake before it; or never, as text, because Python has no time for it.
-- Any number at once judge alike: who finds the brake just engaged by a neighbour comes to the same moment.
-- Plan: index jobs_live, as the sweep itself.
with judged as materialized (
  select w.*, c.at, m.fresh, m.running, coalesce(w.brake_until > c.at, false) as holds,
    coalesce(w.sweeper_due_by < c.at or w.web_due_by < c.at, false) as away,
    m.fresh > %(most)s::int and m.fresh * 3 > m.running as too_many
  from watch w cross join (select clock_timestamp() as at) c
  cross join lateral (
    select count(*) as running, count(*) filter (where j.lease_expires_at <= c.at
      and j.lease_expires_at > coalesce(w.brake_since, '-infinity')
      and coalesce(j.cancel_requested_at > c.at - make_interval(secs => %(cancel_grace)s::int), true)) as fresh
    from jobs j where j.status = 'running') m),
engaged as (
  update watch w set brake_since = j.at, brake_until = j.at + make_interval(secs => %(lease)s::int), brake_from = w.brake_since,
    brake_reason = j.fresh || ' of ' || j.running || ' running leases ran out at once'
  from judged j
  where not %(force)s::boolean and j.too_many and not j.holds and not j.away and coalesce(w.brake_until <= j.at, true)
  returning w.brake_until, w.brake_reason)
select (case when %(force)s::boolean then j.at
    when j.away then '-infinity'
    when j.holds then coalesce(j.brake_from, '-infinity')
    when j.too_many then coalesce(j.brake_since, '-infinity')
    else j.at end)::text as ends_by, e.brake_until, e.brake_reason
from judged j left join engaged e on true
