"""Jobs require labels, orchestrators declare them, and what each of them takes is known. The claim anew: by labels, within limits."""

from importlib import import_module

import django.contrib.postgres.fields
from django.db import migrations, models

_CLAIM_JOBS, _PICK_JOBS, _LANES, _LANES_REVERSE = (
    getattr(import_module("jobs.migrations.0011_routing"), name) for name in ("CLAIM_JOBS", "PICK_JOBS", "LANES", "LANES_REVERSE")
)
_CLAIM_JOBS_REVERSE = "drop function claim_jobs(text[], int, text, text, text, int, bigint);"
_PICK_JOBS_REVERSE = "drop function pick_jobs(bigint[], int);"

LANES = """
create view claimable_lanes as
select l.id, l.type, l.labels from lanes l
where not exists (select from pauses p where p.scope = 'site')
  and l.type <> all (array(select p.name from pauses p where p.scope = 'type'));

-- Whether who takes these types (null: any) and has declared these labels takes the jobs of a lane. Written into the plans of its callers.
create function suits(lane_type text, required text[], types text[], declared text[]) returns boolean language sql immutable as $f$
  select (types is null or lane_type = any(types)) and required <@ declared
$f$;

-- Where an orchestrator may claim from: the one place that says so, for claim, probe and count alike. Whatever decides about that (types
-- and labels asked for or on record, pauses) decides here, before the first job is looked at; a filter on the walk would read everything
-- that does not match.
-- Lanes are never deleted, so of very many most are empty. Those that are not are found by a walk over the heads of the claim index, which
-- takes as long for one as a claim takes to look into two or three empty ones; it gives up where too many are busy.
-- In plpgsql, not in SQL: so its plan is kept, on every version.
create function lanes_for(holder text, types text[], declared text[]) returns bigint[] language plpgsql stable as $f$
declare
  many constant int := 1000; most_busy constant int := 300; fitting bigint[]; busy bigint[];
begin
  if exists (select from pauses p where p.scope = 'orchestrator' and p.name = holder) then
    return null;
  end if;
  if types is null or declared is null then
    select coalesce(lanes_for.types, nullif(o.job_types, '{}')), coalesce(declared, o.labels, '{}') into types, declared
      from (select 1) one left join orchestrators o on o.id = holder;
  end if;
  -- Of some types by the index of type and labels; of any there is nothing to look up.
  if types is null then
    fitting := (select array_agg(l.id) from claimable_lanes l where suits(l.type, l.labels, null, declared));
  else
    fitting := (select array_agg(l.id) from claimable_lanes l where l.type = any(types) and suits(l.type, l.labels, types, declared));
  end if;
  if cardinality(fitting) > many then
    with recursive heads as (
      (select j.lane_id, 1 as nth from jobs j where j.due order by j.lane_id limit 1)
      union all
      select n.lane_id, h.nth + 1 from heads h
      cross join lateral (select j.lane_id from jobs j where j.due and j.lane_id > h.lane_id order by j.lane_id limit 1) n
      where h.nth <= most_busy)
    select array_agg(h.lane_id) into busy from heads h;
    if coalesce(cardinality(busy), 0) <= most_busy then
      fitting := (select array_agg(f.id) from unnest(fitting) f (id) where f.id = any(busy));
    end if;
  end if;
  return fitting;
end $f$;

-- What each orchestrator asks for, as lanes_for has it when it asks as it lately did: a row for each such set, or one for what is on its
-- record.
create view askers as
select o.id as orchestrator_id, o.last_seen_at, coalesce(s.types, nullif(o.job_types, '{}')) as types,
  coalesce(s.labels, o.labels, '{}') as labels
from orchestrators o left join subscriptions s on s.orchestrator_id = o.id;
-- Of those that are not stopped.
create view takers as
select a.orchestrator_id, a.last_seen_at, a.types, a.labels from askers a
where not exists (select from pauses p where p.scope = 'orchestrator' and p.name = a.orchestrator_id);
"""
LANES_REVERSE = """
drop view takers;
drop view askers;
drop function lanes_for(text, text[], text[]);
drop function suits(text, text[], text[], text[]);
drop view claimable_lanes;
"""

PICK_JOBS = """
-- Locks at most `most` due jobs of some lanes, best first, passing over what others hold: it comes back full while anything is free.
-- One lane is in that order as it stands. Of several, a short peek into each gives a bound (the want-th best head); the candidates up to it,
-- in the lanes that have any, are read without locks, then locked in order; if neighbours hold some of them, a next round goes on behind the
-- last candidate. So it reads about most + lanes rows, not their product. (Locks inside the lateral join would hold every lane's head.)
-- Plans: index jobs_claim in all looks (an equality on the lane, then row comparisons), the primary key for the lock. Always
-- `id = any(array(select …))`, never a join: under a generic plan a join may become a hash over all jobs.
-- within: candidates beside the lanes, at most `most`, which compete with theirs: those of types with a limit (take_slots).
-- most_bytes: answer_bytes of all of them; null when the claim must look at them one by one: something is compressed, or one of them was
-- claimed twice and never acknowledged.
create function pick_jobs(lane_ids bigint[], most int, within varchar[], out ids varchar[], out most_bytes bigint) language plpgsql as $f$
declare
  won varchar[]; won_bytes bigint; want int := most; tried int;
  low_rank int := -32768; low_time timestamptz := '-infinity'; low_id varchar := '';          -- everything up to here has been tried
begin
  if cardinality(lane_ids) = 1 and within = '{}' then
    with picked as materialized (
      select j.id, case when j.claim_losses < 2 then answer_bytes(j.payload, j.metadata, j.result, j.last_error) end as bytes
      from jobs j where j.lane_id = lane_ids[1] and j.due
      order by -j.priority, j.scheduled_for, j.id limit most for update skip locked)
    select coalesce(array_agg(p.id), '{}'), case when count(p.bytes) = count(*) then coalesce(sum(p.bytes), 0) end into ids, most_bytes
      from picked p;
    return;
  end if;
  ids := '{}';
  most_bytes := 0;
  for round in 1..12 loop
    exit when lane_ids is null and within = '{}' or cardinality(ids) >= most;
    with peek as materialized (
      select l.id as lane_id, c.* from unnest(lane_ids) l(id) cross join lateral (
        select -j.priority as rank, j.scheduled_for, j.id from jobs j
        where j.lane_id = l.id and j.due and (-j.priority, j.scheduled_for, j.id) > (low_rank, low_time, low_id)
        order by -j.priority, j.scheduled_for, j.id limit least(want, 1 + 2 * want / cardinality(lane_ids))) c
      union all select null, -j.priority, j.scheduled_for, j.id from jobs j
        where j.id = any(within) and j.due and (-j.priority, j.scheduled_for, j.id) > (low_rank, low_time, low_id)),
    bound as materialized (
      (select p.rank, p.scheduled_for, p.id from peek p order by 1, 2, 3 offset want - 1 limit 1)
      union all select 32767, 'infinity', '~' limit 1),
    candidates as materialized (
      select c.* from bound b cross join lateral (
        select distinct p.lane_id from peek p
        where p.lane_id is not null and (p.rank, p.scheduled_for, p.id) <= (b.rank, b.scheduled_for, b.id)) l
      cross join lateral (
        select -j.priority as rank, j.scheduled_for, j.id from jobs j
        where j.lane_id = l.lane_id and j.due and (-j.priority, j.scheduled_for, j.id) > (low_rank, low_time, low_id)
          and (-j.priority, j.scheduled_for, j.id) <= (b.rank, b.scheduled_for, b.id)
        order by -j.priority, j.scheduled_for, j.id limit want) c
      union all select p.rank, p.scheduled_for, p.id from bound b cross join peek p
        where p.lane_id is null and (p.rank, p.scheduled_for, p.id) <= (b.rank, b.scheduled_for, b.id)
      order by rank, scheduled_for, id limit want),
    -- Locks lazily and in order: the limit stands above the lock. Materialized: else more than asked may be taken.
    picked as materialized (
      select j.id, case when j.claim_losses < 2 then answer_bytes(j.payload, j.metadata, j.result, j.last_error) end as bytes
      from jobs j where j.id = any(array(select c.id from candidates c)) and j.due
      order by -j.priority, j.scheduled_for, j.id limit most - cardinality(ids) for update skip locked)
    select p.ids, p.bytes, t.tried, t.rank, t.scheduled_for, t.id into won, won_bytes, tried, low_rank, low_time, low_id
      from (select array_agg(id) as ids, case when count(bytes) = count(*) then coalesce(sum(bytes), 0) end as bytes from picked) p
      left join (select count(*) over () as tried, c.* from candidates c order by c.rank desc, c.scheduled_for desc, c.id desc limit 1) t
        on true;
    ids := ids || won;
    most_bytes := most_bytes + won_bytes;
    exit when tried is null or tried < want;                                                  -- nothing is left
    want := greatest(most, 2 * (most - cardinality(ids)));
  end loop;
end $f$;
"""
PICK_JOBS_REVERSE = "drop function pick_jobs(bigint[], int, varchar[]);"

CLAIM_JOBS = """
-- Claims at most batch_size due jobs, best first, and writes their audit entries.
-- Each step is a statement of its own, which sees what was committed while the one before it waited.
create function claim_jobs(types text[], declared text[], batch_size int, holder text, claim text, request text, lease_seconds int,
  answer_limit bigint)
returns setof whole_jobs language plpgsql set plan_cache_mode = force_generic_plan as $f$
declare
  lane_ids bigint[]; within varchar[] := '{}'; got varchar[]; bytes bigint; suspect varchar; now_ timestamptz;
begin
  if claim is not null then
    -- The same claim asked twice at once: the second waits for the first, then finds what that one got.
    perform pg_advisory_xact_lock(hashtextextended(holder || '/' || claim, 0));
    -- What is left of an earlier claim whose answer was lost: the jobs of it that the caller still holds under a live lease.
    return query select w.* from whole_jobs w
      where w.id = any(array(select j.id from jobs j where j.orchestrator_id = holder and j.claim_id = claim
        and j.status in ('claimed', 'running') and (j.lease_expires_at > clock_timestamp() or brake_holds(clock_timestamp()))))
      order by -w.priority, w.scheduled_for, w.id;
    if found then
      -- As certain as the first answer had to be: with this written, our commit, too, waits for a synchronous standby.
      perform pg_logical_emit_message(true, 'jobsite', '');
      return;
    end if;
  end if;
  -- Shared with all other claims. Who pauses waits for those under way, and those that come later wait for it, and then see the pause.
  perform pg_advisory_xact_lock_shared(hashtextextended('pauses', 0));
  perform come_due();
  lane_ids := lanes_for(holder, types, declared);
  if exists (select from job_types t where t.concurrency_limit is not null) then
    select s.unlimited, s.ids into lane_ids, within from take_slots(lane_ids, batch_size) s;
  end if;
  select p.ids, p.most_bytes into got, bytes from pick_jobs(lane_ids, batch_size, within) p;
  -- An answer has a largest size: what would pass it stays in the queue; the first job always goes. A job that was claimed twice and never
  -- acknowledged goes alone: it may be what its orchestrators died of, with all that came with it. Until it is the first it waits, but no
  -- longer than a claim lasts: where better ones come without end, it would wait for ever, and keep a place of a limit.
  if bytes is null or bytes > answer_limit then
    suspect := (
      select s.id from (
        select j.*, row_number() over (order by -j.priority, j.scheduled_for, j.id) as nth from jobs j where j.id = any(got)) s
      where s.claim_losses >= 2
        and (s.nth = 1 or greatest(s.updated_at, s.scheduled_for) <= clock_timestamp() - make_interval(secs => lease_seconds))
      order by s.nth limit 1);
    got := case when suspect is not null then array[suspect] else array(
      select s.id from (
        select j.id, row_number() over w as nth, j.claim_losses >= 2 as waits,
          sum(2 * coalesce(octet_length(j.payload::text), 0) + octet_length(j.metadata::text) + coalesce(octet_length(j.result::text), 0)
            + coalesce(octet_length(j.last_error), 0) + 2000) over w as size
        from jobs j where j.id = any(got) window w as (order by -j.priority, j.scheduled_for, j.id)) s
      where s.nth = 1 or not s.waits and s.size <= answer_limit) end;
  end if;
  if got = '{}' then
    return;
  end if;
  now_ := clock_timestamp();
  with taken as (
    update jobs j set status = 'claimed', due = false, epoch = j.epoch + 1, audit_seq = j.audit_seq + 1,
      event_xid = greatest(j.event_xid, pg_current_xact_id()), orchestrator_id = holder, claim_id = claim,
      claimed_at = now_, updated_at = now_, lease_expires_at = now_ + make_interval(secs => lease_seconds), holds_slot = j.id = any(within)
    where j.id = any(got) returning j.id, j.audit_seq, j.epoch, j.attempts, j.event_xid)
  insert into audit_log (job_id, sequence, action, from_status, to_status, actor_kind, actor, epoch, attempt, request_id, at, xid)
  select t.id, t.audit_seq, 'claim', 'queued', 'claimed', 'orchestrator', holder, t.epoch, t.attempts + 1, request, now_, t.event_xid
    from taken t;
  return query select w.* from whole_jobs w where w.id = any(got) order by -w.priority, w.scheduled_for, w.id;
end $f$;
"""
CLAIM_JOBS_REVERSE = "drop function claim_jobs(text[], text[], int, text, text, text, int, bigint);"


class Migration(migrations.Migration):
    dependencies = [("jobs", "0018_job_types")]
    operations = [
        migrations.CreateModel(
            name="Subscription",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "orchestrator_id", "digest", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("orchestrator_id", models.CharField(max_length=128)),
                ("digest", models.BinaryField()),
                (
                    "types",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), null=True, size=None),
                ),
                ("labels", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), null=True, size=None)),
                ("asked_at", models.DateTimeField()),
            ],
            options={"db_table": "subscriptions"},
        ),
        migrations.AddField(
            model_name="orchestrator",
            name="labels",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), null=True, size=None),
        ),
        migrations.AddField(model_name="orchestrator", name="place", field=models.CharField(max_length=400, null=True)),
        migrations.AddField(model_name="orchestrator", name="earlier_places", field=models.JSONField(null=True)),
        migrations.AddField(model_name="orchestrator", name="double_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="orchestrator",
            name="double_places",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=400), null=True, size=None),
        ),
        migrations.RunSQL(_CLAIM_JOBS_REVERSE, _CLAIM_JOBS),
        migrations.RunSQL(_PICK_JOBS_REVERSE, _PICK_JOBS),
        migrations.RunSQL(_LANES_REVERSE, _LANES),
        migrations.RunSQL(LANES, LANES_REVERSE),
        migrations.RunSQL(PICK_JOBS, PICK_JOBS_REVERSE),
        migrations.RunSQL(CLAIM_JOBS, CLAIM_JOBS_REVERSE),
    ]
