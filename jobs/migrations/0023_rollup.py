"""Figures by type: how long jobs are in each state, and how many go where."""

from django.db import migrations, models

# Rows of the minute under way, and those since ever, are written again and again, and none of their indexed columns changes.
STORAGE = """
alter table time_spent set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000);
alter table transition_counts set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000);
"""
STORAGE_REVERSE = """
alter table time_spent reset (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
alter table transition_counts reset (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
"""
SPANS = [(0, "Ever"), (60, "Minute"), (3600, "Hour")]


class Migration(migrations.Migration):
    dependencies = [("jobs", "0022_due_told")]
    operations = [
        migrations.CreateModel(
            name="TimeSpent",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "span", "begins_at", "type", "state", "bucket", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("span", models.SmallIntegerField(choices=SPANS)),
                ("begins_at", models.DateTimeField()),
                ("type", models.CharField(db_collation="C", max_length=100)),
                ("state", models.CharField(db_collation="C", max_length=20)),
                ("bucket", models.SmallIntegerField()),
                ("stretches", models.BigIntegerField()),
                ("microseconds", models.DecimalField(decimal_places=0, max_digits=30)),
            ],
            options={"db_table": "time_spent"},
        ),
        migrations.CreateModel(
            name="TransitionCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "span",
                        "begins_at",
                        "type",
                        "from_status",
                        "to_status",
                        "category",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("span", models.SmallIntegerField(choices=SPANS)),
                ("begins_at", models.DateTimeField()),
                ("type", models.CharField(db_collation="C", max_length=100)),
                ("from_status", models.CharField(db_collation="C", max_length=20)),
                ("to_status", models.CharField(db_collation="C", max_length=20)),
                ("category", models.CharField(db_collation="C", max_length=20)),
                ("jobs", models.BigIntegerField()),
            ],
            options={"db_table": "transition_counts"},
        ),
        migrations.RunSQL(STORAGE, STORAGE_REVERSE),
    ]
