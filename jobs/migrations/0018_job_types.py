"""What is said of a type of jobs: how they are tried again, and how many may be held at a time, which the claim (0019) sees to."""

import django.contrib.postgres.fields
from django.db import migrations, models

BOUNDS = {
    "max_attempts": (1, 1000),
    "timeout_seconds": (1, 31_536_000),
    "backoff_base_seconds": (0, 86_400),
    "backoff_cap_seconds": (0, 86_400),
    "concurrency_limit": (1, 10_000),
}
CATEGORIES = [
    *("exit_code", "exception", "container", "timeout", "signal", "resource", "network", "validation", "configuration", "permission"),
    *("dependency", "lease_lost", "cancelled", "system", "unknown"),
]
KNOWN_TYPES = "insert into job_types (name) select distinct l.type from lanes l;"

SLOTS = """
-- Which of some lanes may be claimed from as far as limits go: not those of a type that has as many jobs held as it may. For probe and count,
-- and for the claim, so that it locks no type in vain.
-- Plan: index job_types_limited, which is empty where no type has a limit; index jobs_slots for what counts towards one.
create function lanes_with_room(lane_ids bigint[]) returns bigint[] language plpgsql stable as $f$
begin
  if not exists (select from job_types t where t.concurrency_limit is not null) then
    return lane_ids;
  end if;
  return (
    select array_agg(l.id) from lanes l where l.id = any(lane_ids) and l.type <> all (array(
      select t.name from job_types t
      where t.concurrency_limit is not null and t.name = any(array(select o.type from lanes o where o.id = any(lane_ids)))
        and t.concurrency_limit <= (select count(*) from jobs j where j.type = t.name and j.holds_slot))));
end $f$;

-- The best due jobs of types with a limit, of each as many as may still be held, `most` in all; and the lanes without a limit.
-- Who takes them must mark them with holds_slot in this transaction: until it ends no other claim gets jobs of these types. A type that
-- somebody else is just claiming from is left out, so that no claim waits for another.
-- Limits stand still meanwhile: who changes one waits for the claims under way (jobs/job_types.py).
create function take_slots(lane_ids bigint[], most int, out unlimited bigint[], out ids varchar[]) language plpgsql as $f$
declare
  taken text[];
begin
  lane_ids := lanes_with_room(lane_ids);
  select array_agg(l.id) into unlimited from lanes l
    where l.id = any(lane_ids) and not exists (select from job_types t where t.name = l.type and t.concurrency_limit is not null);
  taken := array(
    select t.name from job_types t
    where t.concurrency_limit is not null and t.name = any(array(select l.type from lanes l where l.id = any(lane_ids)))
    order by t.name for no key update skip locked);
  -- A statement of its own: what the one before us has marked is committed, and seen only from here on.
  ids := array(
    select b.id from job_types t
    cross join lateral (select t.concurrency_limit - count(*) as free from jobs j where j.type = t.name and j.holds_slot) r
    cross join lateral (
      select c.* from lanes l cross join lateral (
        select -j.priority as rank, j.scheduled_for, j.id from jobs j where j.lane_id = l.id and j.due
        order by -j.priority, j.scheduled_for, j.id limit least(most, greatest(r.free, 0))) c
      where l.type = t.name and l.id = any(lane_ids)
      order by c.rank, c.scheduled_for, c.id limit least(most, greatest(r.free, 0))) b
    where t.name = any(taken) order by b.rank, b.scheduled_for, b.id limit most);
end $f$;
"""
SLOTS_REVERSE = """
drop function take_slots(bigint[], int);
drop function lanes_with_room(bigint[]);
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0016_failure_groups")]
    operations = [
        migrations.CreateModel(
            name="JobType",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("max_attempts", models.IntegerField(null=True)),
                ("timeout_seconds", models.IntegerField(null=True)),
                ("backoff_base_seconds", models.IntegerField(null=True)),
                ("backoff_cap_seconds", models.IntegerField(null=True)),
                ("retryable_categories", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), null=True, size=None)),
                ("concurrency_limit", models.IntegerField(null=True)),
            ],
            options={"db_table": "job_types"},
        ),
        migrations.AddIndex(
            model_name="jobtype",
            index=models.Index(fields=["name"], name="job_types_limited", condition=models.Q(concurrency_limit__isnull=False)),
        ),
        *(
            migrations.AddConstraint(
                model_name="jobtype",
                constraint=models.CheckConstraint(condition=models.Q(**{f"{name}__range": bounds}), name=f"job_types_{name}"),
            )
            for name, bounds in BOUNDS.items()
        ),
        migrations.AddConstraint(
            model_name="jobtype",
            constraint=models.CheckConstraint(
                condition=models.Q(retryable_categories__contained_by=CATEGORIES), name="job_types_known_categories"
            ),
        ),
        migrations.AddIndex(
            model_name="job", index=models.Index(fields=["type"], name="jobs_slots", condition=models.Q(holds_slot=True))
        ),
        migrations.RemoveConstraint(model_name="job", name="jobs_live_has_lease"),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(status__in=["claimed", "running"], lease_expires_at__isnull=False)
                | (~models.Q(status__in=["claimed", "running"]) & models.Q(lease_expires_at__isnull=True, holds_slot=False)),
                name="jobs_live_has_lease",
            ),
        ),
        migrations.RunSQL(KNOWN_TYPES, ""),
        migrations.RunSQL(SLOTS, SLOTS_REVERSE),
    ]
