"""Poison, cancels with proof, and the runs of the sweeps: what they keep."""

import django.contrib.postgres.fields
from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform

TIMES = """
-- A moment as the API writes it.
create function wire_time(moment timestamptz) returns text language sql stable as $f$
  select to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$f$;
-- A moment in a sentence.
create function clock_time(moment timestamptz) returns text language sql stable as $f$
  select to_char(moment at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
$f$;
"""
TIMES_REVERSE = "drop function wire_time(timestamptz); drop function clock_time(timestamptz);"



class Migration(migrations.Migration):
    dependencies = [("jobs", "0023_rollup")]
    operations = [
        migrations.AddField(
            model_name="job",
            name="releases",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), null=True, size=None),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(
                KeyTextTransform("ignoredBy", "detail"),
                "at",
                name="audit_log_ignored",
                condition=models.Q(actor_kind="sweep", action="cancel"),
            ),
        ),
        migrations.CreateModel(
            name="SweepRun",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("rule", models.CharField(max_length=40)),
                ("examined", models.IntegerField()),
                ("found", models.IntegerField()),
                ("changed", models.IntegerField()),
                ("seconds", models.FloatField()),
                ("actor", models.CharField(max_length=150)),
                ("reason", models.TextField(null=True)),
                ("dry_run", models.BooleanField()),
                ("brake", models.TextField(null=True)),
            ],
            options={"db_table": "sweep_runs", "indexes": [models.Index(fields=["rule", "at"], name="sweep_runs_rule")]},
        ),
        migrations.RunSQL(TIMES, TIMES_REVERSE),
    ]
