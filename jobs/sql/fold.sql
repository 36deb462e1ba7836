-- The head of a fold: the next entries of the log that it has not taken in yet. A statement of the fold's own goes on from `found`, and
-- folded.sql ends it.
-- Whoever has the row of the place folds; who comes meanwhile finds nothing to do. The place moves in the statement that writes what the
-- entries come to, so each is taken in once, whoever is killed when. The first time there is no place yet: the next round begins.
-- What lies at or above the horizon waits, as in events.sql. (The place may be newer than the snapshot: what another fold took in meanwhile
-- lies behind it, and whatever is below this snapshot's horizon is seen by it.)
-- Plan: index audit_log_feed.
with begun as (
  insert into folds (name, xid, entry) select %(fold)s::text, '0', 0
  where not exists (select from folds f where f.name = %(fold)s::text) on conflict do nothing returning name),
place as materialized (
  select f.xid, f.entry from folds f where f.name = %(fold)s::text for no key update skip locked),
found as materialized (
  select e.* from place p cross join lateral (
    select a.* from audit_log a
    where (a.xid, a.id) > (p.xid, p.entry) and a.xid < pg_snapshot_xmin(pg_current_snapshot())
    order by a.xid, a.id limit %(most)s::int) e),
moved as (
  update folds f set xid = l.xid, entry = l.id
  from (select e.xid, e.id from found e order by e.xid desc, e.id desc limit 1) l
  where f.name = %(fold)s::text)
