"""Failures have a fingerprint, and those with the same one are a group."""

from django.db import migrations, models

from jobs.lifecycle import Status
from jobs.models.columns import TransactionIdField

# What failed alike, in jobs of one type. (A type and a fault have no backslash, so the text is its bytes.)
FINGERPRINT = """
create function failure_fingerprint(type text, fault text) returns text language sql immutable parallel safe
return left(encode(sha256(decode(type || ':' || fault, 'escape')), 'hex'), 16);
"""
FINGERPRINT_REVERSE = "drop function failure_fingerprint(text, text);"
# Folding begins with the oldest failure; those from before this migration count once regroup_failures has been run.
BEGINNING = "insert into failure_fold (id, xid, entry_id, rule, next_rule, regrouped_to) values (1, '0', 0, 0, 0, '');"
# Groups that are seen are written in each round.
IN_PLACE = "alter table failure_groups set (fillfactor = 40); alter table failure_counts set (fillfactor = 40);"


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0015_triage_columns"),
    ]

    operations = [
        migrations.RunSQL(FINGERPRINT, FINGERPRINT_REVERSE),
        migrations.CreateModel(
            name="FailureCount",
            fields=[
                ("pk", models.CompositePrimaryKey("fingerprint", "hour", blank=True, editable=False, primary_key=True, serialize=False)),
                ("fingerprint", models.CharField(db_collation="C", max_length=16)),
                ("hour", models.DateTimeField()),
                ("failures", models.IntegerField()),
            ],
            options={
                "db_table": "failure_counts",
            },
        ),
        migrations.CreateModel(
            name="FailureFold",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("xid", TransactionIdField()),
                ("entry_id", models.BigIntegerField()),
                ("rule", models.SmallIntegerField()),
                ("next_rule", models.SmallIntegerField()),
                ("regrouped_to", models.CharField(db_collation="C", max_length=50)),
            ],
            options={
                "db_table": "failure_fold",
            },
        ),
        migrations.CreateModel(
            name="FailureGroup",
            fields=[
                ("fingerprint", models.CharField(db_collation="C", max_length=16, primary_key=True, serialize=False)),
                ("type", models.CharField(max_length=100)),
                ("category", models.CharField(max_length=20)),
                ("code", models.TextField()),
                ("title", models.TextField()),
                ("top_frame", models.TextField()),
                ("rule", models.SmallIntegerField()),
                ("example_job_id", models.CharField(db_collation="C", max_length=50)),
                ("example_error", models.TextField()),
                ("failures", models.BigIntegerField(default=0)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("new", "New"),
                            ("acknowledged", "Acknowledged"),
                            ("snoozed", "Snoozed"),
                            ("resolved", "Resolved"),
                            ("regressed", "Regressed"),
                        ],
                        default="new",
                        max_length=20,
                    ),
                ),
                ("owner", models.CharField(max_length=150, null=True)),
                ("note", models.TextField(null=True)),
                ("snoozed_until", models.DateTimeField(null=True)),
                ("snoozed_failures", models.IntegerField(null=True)),
                (
                    "snoozed_from",
                    models.CharField(
                        choices=[
                            ("new", "New"),
                            ("acknowledged", "Acknowledged"),
                            ("snoozed", "Snoozed"),
                            ("resolved", "Resolved"),
                            ("regressed", "Regressed"),
                        ],
                        max_length=20,
                        null=True,
                    ),
                ),
                ("triaged_at", models.DateTimeField(null=True)),
                ("triaged_by", models.CharField(max_length=150, null=True)),
            ],
            options={
                "db_table": "failure_groups",
                "ordering": ["-last_seen_at", "fingerprint"],
            },
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(condition=models.Q(("action", "fail")), fields=["xid", "id"], name="audit_log_failures"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status", Status.FAILED)),
                fields=["fingerprint", "updated_at", "id"],
                name="jobs_failed_alike",
            ),
        ),
        migrations.AddConstraint(
            model_name="failurefold",
            constraint=models.CheckConstraint(condition=models.Q(("id", 1)), name="failure_fold_one_row"),
        ),
        migrations.AddIndex(
            model_name="failuregroup",
            index=models.Index(fields=["-last_seen_at", "fingerprint"], name="failure_groups_seen"),
        ),
        migrations.AddConstraint(
            model_name="failuregroup",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["new", "acknowledged", "snoozed", "resolved", "regressed"])),
                name="failure_groups_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="failuregroup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("snoozed_from__isnull", False),
                        ("state", "snoozed"),
                        models.Q(("snoozed_until__isnull", False), ("snoozed_failures__isnull", False), _connector="OR"),
                    ),
                    models.Q(
                        models.Q(("state", "snoozed"), _negated=True),
                        ("snoozed_failures__isnull", True),
                        ("snoozed_from__isnull", True),
                        ("snoozed_until__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="failure_groups_snooze_ends",
            ),
        ),
        migrations.RunSQL(BEGINNING, migrations.RunSQL.noop),
        migrations.RunSQL(IN_PLACE, migrations.RunSQL.noop),
    ]
