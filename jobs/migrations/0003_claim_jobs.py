"""The claim, as a function: rounds adapt to what neighbours hold, and its plans are cached."""

from django.db import migrations

CLAIM_JOBS = """
-- Claims at most batch_size due jobs of the lanes that match, best first, and writes their audit entries.
-- Each round: a short peek into every lane gives an upper bound (the want-th best head); candidates up to it are read without locks, then locked
-- in order, skipping what others hold; the next round goes on behind the last candidate. So it reads about batch_size + lanes rows, not their
-- product, and comes back full while anything is free.
-- Plans: index jobs_claim in both looks (an equality on the lane, then one row comparison), the primary key for the lock. Always
-- `id = any(array(select …))`, never a join: under a generic plan a join may become a hash over all jobs.
create function claim_jobs(types text[], batch_size int, holder text, claim text, request text, lease_seconds int, answer_limit bigint)
returns setof jobs language plpgsql set plan_cache_mode = force_generic_plan as $f$
declare
  lanes_ bigint[]; got varchar[] := '{}'; won varchar[]; want int := batch_size; peek_ int; seen int; bounded boolean; now_ timestamptz;
  high_rank int; high_time timestamptz; high_id varchar;                                      -- the bound of this round
  low_rank int := -32768; low_time timestamptz := '-infinity'; low_id varchar := '';          -- everything up to here has been tried
begin
  select array_agg(l.id) into lanes_ from lanes l where types is null or l.type = any(types);
  for round in 1..12 loop
    exit when lanes_ is null or cardinality(got) >= batch_size;
    peek_ := least(want, 2 + 2 * want / cardinality(lanes_));
    with peek as materialized (
      select c.* from unnest(lanes_) l(id) cross join lateral (
        select -j.priority as rank, j.scheduled_for, j.id from jobs j
        where j.lane_id = l.id and j.due and (-j.priority, j.scheduled_for, j.id) > (low_rank, low_time, low_id)
        order by -j.priority, j.scheduled_for, j.id limit peek_) c)
    select p.rank, p.scheduled_for, p.id into high_rank, high_time, high_id from peek p order by 1, 2, 3 offset want - 1 limit 1;
    bounded := found;
    if not bounded then high_rank := 32767; high_time := 'infinity'; high_id := '~'; end if;
    with candidates as materialized (
      select c.* from unnest(lanes_) l(id) cross join lateral (
        select -j.priority as rank, j.scheduled_for, j.id from jobs j
        where j.lane_id = l.id and j.due and (-j.priority, j.scheduled_for, j.id) > (low_rank, low_time, low_id)
          and (-j.priority, j.scheduled_for, j.id) <= (high_rank, high_time, high_id)
        order by -j.priority, j.scheduled_for, j.id limit want) c
      order by c.rank, c.scheduled_for, c.id limit want),
    -- Locks lazily and in order: the limit stands above the lock. Materialized: else more than asked may be taken.
    picked as materialized (
      select j.id from jobs j where j.id = any(array(select c.id from candidates c)) and j.due
      order by -j.priority, j.scheduled_for, j.id limit batch_size - cardinality(got) for update skip locked),
    tail as (select c.rank, c.scheduled_for, c.id from candidates c order by 1 desc, 2 desc, 3 desc limit 1)
    select (select count(*) from candidates), array(select p.id from picked p), t.rank, t.scheduled_for, t.id
      into seen, won, low_rank, low_time, low_id from (select 1) one left join tail t on true;
    got := got || won;
    if seen < want then
      exit when not bounded;                                                                  -- nothing is left
      low_rank := high_rank; low_time := high_time; low_id := high_id;                        -- a neighbour took some between the two looks
    end if;
    want := greatest(batch_size, 2 * (batch_size - cardinality(got)));
  end loop;
  -- An answer has a largest size: what would pass it stays in the queue. The payload may be told twice (execution); the first job always goes.
  got := array(
    select s.id from (
      select j.id, sum(2 * coalesce(octet_length(j.payload::text), 0) + octet_length(j.metadata::text) + coalesce(octet_length(j.result::text), 0)
          + coalesce(octet_length(j.last_error), 0) + 2000) over w as size, row_number() over w as nth
      from jobs j where j.id = any(got) window w as (order by -j.priority, j.scheduled_for, j.id)) s
    where s.nth = 1 or s.size <= answer_limit);
  now_ := clock_timestamp();
  return query with taken as (
    update jobs j set status = 'claimed', due = false, epoch = j.epoch + 1, audit_seq = j.audit_seq + 1,
      event_xid = greatest(j.event_xid, pg_current_xact_id()), orchestrator_id = holder, claim_id = claim,
      claimed_at = now_, updated_at = now_, lease_expires_at = now_ + make_interval(secs => lease_seconds)
    where j.id = any(got) returning j.*),
  logged as (
    insert into audit_log (job_id, sequence, action, from_status, to_status, actor_kind, actor, epoch, attempt, request_id, at, xid)
    select t.id, t.audit_seq, 'claim', 'queued', 'claimed', 'orchestrator', holder, t.epoch, t.attempts + 1, request, now_, t.event_xid from taken t)
  select t.* from taken t;
end $f$;
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_storage_and_guards")]
    operations = [migrations.RunSQL(CLAIM_JOBS, "drop function claim_jobs(text[], int, text, text, text, int, bigint);")]
