-- "The sweeper, or the web server, is here, and will be again within so many seconds." One that comes later than it promised was away, or
-- the database was: the brake holds for a lease period from now, for every running lease. (With nothing running there is nothing to keep.)
-- Without a promise of its own, a broken one is answered for and taken back. Returns a row if anything changed.
update watch w set
  sweeper_due_by = case %(role)s::text when 'sweeper' then a.due_by else w.sweeper_due_by end,
  web_due_by = case %(role)s::text when 'web' then a.due_by else w.web_due_by end,
  brake_since = case when a.engages then s.at else w.brake_since end,
  brake_until = case when a.engages then s.at + make_interval(secs => %(lease)s::int) else w.brake_until end,
  brake_from = case when not a.engages then w.brake_from end,
  brake_reason = case when a.engages then %(reason)s::text when not a.is_over then w.brake_reason end
from (
  select l.*, clock_timestamp() as at, case %(role)s::text when 'sweeper' then l.sweeper_due_by when 'web' then l.web_due_by end as promised
  from (select * from watch for no key update) l) s
cross join lateral (select
    coalesce(s.promised < s.at, false) and exists (select from jobs j where j.status = 'running') as engages,
    coalesce(s.brake_reason is not null and s.brake_until <= s.at, false) as is_over,
    case when %(within)s::float8 is not null then s.at + make_interval(secs => %(within)s::float8)
      when s.promised >= s.at then s.promised end as due_by) a
where w.id = s.id
  -- A sweep that promises nothing, and was promised nothing, has nothing to write.
  and (a.engages or a.is_over or a.due_by is distinct from s.promised)
returning a.engages, a.is_over and not a.engages as is_over, w.brake_reason, w.brake_until
