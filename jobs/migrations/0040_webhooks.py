"""Webhooks: where changes are told, the messages, and the tries of each; and who may."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.apps import apps as current
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

from jobs import roles
from jobs.models.columns import TransactionIdField

# A delivery is written twice or more, and its partial indexes with it.
STORAGE = "alter table webhook_deliveries set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000);"
STORAGE_REVERSE = "alter table webhook_deliveries reset (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);"


def grant(apps, schema_editor):
    # As in 0029: permissions are made after the last migration otherwise.
    create_permissions(current.get_app_config("jobs"), verbosity=0, using=schema_editor.connection.alias, apps=apps)
    roles.grant(apps.get_model("auth", "Group"), apps.get_model("auth", "Permission"))


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0033_failures_of_orchestrators"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100, unique=True)),
                ("description", models.CharField(blank=True, max_length=500)),
                ("url", models.CharField(max_length=2000)),
                ("events", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, size=None)),
                ("types", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), default=list, size=None)),
                (
                    "categories",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), default=list, size=None),
                ),
                ("enabled", models.BooleanField(default=True)),
                ("disabled_reason", models.TextField(null=True)),
                ("since", TransactionIdField()),
                ("failing_since", models.DateTimeField(null=True)),
                ("quiet_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("created_by", models.CharField(max_length=150)),
            ],
            options={
                "verbose_name": "webhook endpoint",
                "db_table": "webhook_endpoints",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("enabled", True), ("disabled_reason__isnull", False), _connector="XOR"),
                        name="webhook_endpoints_disabled_says_why",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("event_id", models.CharField(max_length=40)),
                ("event", models.CharField(max_length=40)),
                ("job_id", models.CharField(db_collation="C", max_length=50, null=True)),
                ("entry_id", models.BigIntegerField(null=True)),
                ("sequence", models.IntegerField(null=True)),
                ("body", models.TextField()),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "pending"), ("delivered", "delivered"), ("failed", "failed"), ("discarded", "discarded")],
                        default="pending",
                        max_length=20,
                    ),
                ),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("next_try_at", models.DateTimeField(null=True)),
                ("step", models.SmallIntegerField(default=0)),
                ("tries", models.IntegerField(default=0)),
                ("lease", models.BigIntegerField(null=True)),
                ("settled_at", models.DateTimeField(null=True)),
                ("last_try_at", models.DateTimeField(null=True)),
                ("last_status", models.SmallIntegerField(null=True)),
                ("last_error", models.CharField(max_length=500, null=True)),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="jobs.webhookendpoint"
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook delivery",
                "verbose_name_plural": "webhook deliveries",
                "db_table": "webhook_deliveries",
            },
        ),
        migrations.CreateModel(
            name="WebhookSecret",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("text", models.CharField(max_length=100)),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("signs_until", models.DateTimeField(null=True)),
                (
                    "endpoint",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="secrets", to="jobs.webhookendpoint"),
                ),
            ],
            options={
                "db_table": "webhook_secrets",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="WebhookAttempt",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.IntegerField()),
                ("at", models.DateTimeField()),
                ("seconds", models.FloatField()),
                ("status", models.SmallIntegerField(null=True)),
                ("answer", models.TextField(null=True)),
                ("error", models.CharField(max_length=500, null=True)),
                (
                    "delivery",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="attempts", to="jobs.webhookdelivery"
                    ),
                ),
            ],
            options={
                "db_table": "webhook_attempts",
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("delivery", "number"), name="webhook_attempts_number")],
            },
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("state", "pending")), fields=["endpoint", "next_try_at", "id"], name="webhook_deliveries_due"
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["endpoint", "id"], name="webhook_deliveries_endpoint"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(condition=models.Q(("state", "failed")), fields=["endpoint", "id"], name="webhook_deliveries_failed"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(condition=models.Q(("job_id__isnull", False)), fields=["job_id", "id"], name="webhook_deliveries_job"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(condition=models.Q(("settled_at__isnull", False)), fields=["settled_at"], name="webhook_deliveries_settled"),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.UniqueConstraint(fields=("endpoint", "entry_id"), name="webhook_deliveries_once"),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("next_try_at__isnull", False), ("settled_at__isnull", True), ("state", "pending")),
                    models.Q(
                        ("lease__isnull", True),
                        ("next_try_at__isnull", True),
                        ("settled_at__isnull", False),
                        ("state__in", ["delivered", "failed", "discarded"]),
                    ),
                    _connector="OR",
                ),
                name="webhook_deliveries_pending_has_a_next_try",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhooksecret",
            constraint=models.UniqueConstraint(
                condition=models.Q(("signs_until__isnull", True)), fields=("endpoint",), name="webhook_secrets_one_newest"
            ),
        ),
        migrations.RunSQL(STORAGE, STORAGE_REVERSE),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
