"""Failure groups are retried with canaries."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0024_sweeps"),
    ]

    operations = [
        migrations.CreateModel(
            name="CanaryRetry",
            fields=[
                ("operation_id", models.CharField(db_collation="C", max_length=50, primary_key=True, serialize=False)),
                ("fingerprint", models.CharField(db_collation="C", max_length=16)),
                ("canaries", models.IntegerField()),
                ("over_seconds", models.IntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("trying", "Trying"), ("passed", "Passed"), ("halted", "Halted")], default="trying", max_length=10
                    ),
                ),
                ("judged_at", models.DateTimeField(null=True)),
                ("words", models.TextField(null=True)),
            ],
            options={
                "verbose_name_plural": "canary retries",
                "db_table": "canary_retries",
                "indexes": [models.Index(fields=["fingerprint", "operation_id"], name="canary_retries_of_group")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("judged_at__isnull", True), ("state", "trying")),
                            models.Q(models.Q(("state", "trying"), _negated=True), ("judged_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="canary_retries_judged",
                    ),
                    models.CheckConstraint(condition=models.Q(("canaries__gte", 1), ("over_seconds__gte", 0)), name="canary_retries_terms"),
                ],
            },
        ),
    ]
