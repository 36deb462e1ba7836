"""Where readers of the audit log that take its entries into figures have got to."""

import jobs.models.columns
from django.db import migrations, models

# One row each, written again and again: a page has room for the next versions.
STORAGE = "alter table folds set (fillfactor = 40);"


class Migration(migrations.Migration):
    dependencies = [("jobs", "0020_bulk_operations")]
    operations = [
        migrations.CreateModel(
            name="Fold",
            fields=[
                ("name", models.CharField(db_collation="C", max_length=40, primary_key=True, serialize=False)),
                ("xid", jobs.models.columns.TransactionIdField()),
                ("entry", models.BigIntegerField()),
            ],
            options={"db_table": "folds"},
        ),
        migrations.RunSQL(STORAGE, "alter table folds reset (fillfactor);"),
    ]
