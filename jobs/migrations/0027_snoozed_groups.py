"""Failure groups whose snooze is over are found by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0026_forgetting")]
    operations = [
        migrations.AddIndex(
            model_name="failuregroup",
            index=models.Index(condition=models.Q(("state", "snoozed")), fields=["snoozed_until"], name="failure_groups_snoozed"),
        ),
    ]
