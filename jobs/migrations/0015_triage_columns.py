"""What a job carries for triage, routing and limits, and what the API tells of it."""

from importlib import import_module

import django.contrib.postgres.fields
from django.db import migrations, models

_routing = import_module("jobs.migrations.0011_routing")
_CLAIM_JOBS, _WHOLE_JOBS, _WHOLE_JOBS_REVERSE = (getattr(_routing, name) for name in ("CLAIM_JOBS", "WHOLE_JOBS", "WHOLE_JOBS_REVERSE"))
_CLAIM_JOBS_REVERSE = "drop function claim_jobs(text[], int, text, text, text, int, bigint);"

# What the API tells of a job, as orchestration_api.representations.JobWhole has it; a test holds the two together.
WHOLE_JOBS = """
create view whole_jobs as
select id, type, status, priority, payload, metadata, result, last_error, error_category, exit_code, attempts, max_attempts, epoch, phase,
  progress, partial, created_by, orchestrator_id, timeout_seconds, scheduled_for, created_at, updated_at, claimed_at, acknowledged_at,
  started_at, completed_at, lease_expires_at, cancel_requested_at, retried_from, unique_key, labels, retry_policy, fingerprint,
  quarantined_at, cancel_seen_at
from jobs;
"""
WHOLE_JOBS_REVERSE = "drop view whole_jobs;"


class Migration(migrations.Migration):
    dependencies = [("jobs", "0014_seldom_analysed")]
    operations = [
        migrations.AddField(
            model_name="attempt",
            name="fingerprint",
            field=models.CharField(max_length=16, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="cancel_seen_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="fingerprint",
            field=models.CharField(max_length=16, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="holds_slot",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="job",
            name="labels",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), null=True, size=None),
        ),
        migrations.AddField(
            model_name="job",
            name="lease_losses",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), null=True, size=None),
        ),
        migrations.AddField(
            model_name="job",
            name="quarantined_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="retry_policy",
            field=models.JSONField(null=True),
        ),
        # The claim returns rows of the view, so it goes and comes with it.
        migrations.RunSQL(_CLAIM_JOBS_REVERSE, _CLAIM_JOBS),
        migrations.RunSQL(_WHOLE_JOBS_REVERSE, _WHOLE_JOBS),
        migrations.RunSQL(WHOLE_JOBS, WHOLE_JOBS_REVERSE),
        migrations.RunSQL(_CLAIM_JOBS, _CLAIM_JOBS_REVERSE),
    ]
