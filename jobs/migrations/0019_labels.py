"""Jobs require labels, orchestrators declare them, and what each of them takes is known."""

from importlib import import_module

import django.contrib.postgres.fields
from django.db import migrations, models

_routing = import_module("jobs.migrations.0011_routing")
_LANES, _LANES_REVERSE = _routing.LANES, _routing.LANES_REVERSE
_CLAIM_JOBS = import_module("jobs.migrations.0018_job_types").CLAIM_JOBS
_CLAIM_JOBS_REVERSE = "drop function claim_jobs(text[], int, text, text, text, int, bigint);"

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

CLAIM_JOBS = """
-- Claims at most batch_size due jobs, best first, and writes their audit entries.
-- Each step is a statement of its own, which sees what was committed while the one before it waited.
create function claim_jobs(types text[], declared text[], batch_size int, holder text, claim text, request text, lease_seconds int,
  answer_limit bigint)
returns setof whole_jobs language plpgsql set plan_cache_mode = force_generic_plan as $f$
declare
  lane_ids bigint[]; within varchar[] := '{}'; got varchar[]; bytes bigint; now_ timestamptz;
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
  -- An answer has a largest size: what would pass it stays in the queue; the first job always goes.
  if bytes is null or bytes > answer_limit then
    got := array(
      select s.id from (
        select j.id, row_number() over w as nth,
          sum(2 * coalesce(octet_length(j.payload::text), 0) + octet_length(j.metadata::text) + coalesce(octet_length(j.result::text), 0)
            + coalesce(octet_length(j.last_error), 0) + 2000) over w as size
        from jobs j where j.id = any(got) window w as (order by -j.priority, j.scheduled_for, j.id)) s
      where s.nth = 1 or s.size <= answer_limit);
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
        migrations.RunSQL(_LANES_REVERSE, _LANES),
        migrations.RunSQL(LANES, LANES_REVERSE),
        migrations.RunSQL(CLAIM_JOBS, CLAIM_JOBS_REVERSE),
    ]
