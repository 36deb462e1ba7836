"""What is forgotten is found by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0025_canary_retries")]
    operations = [
        migrations.RemoveIndex(model_name="bulkoperation", name="bulk_operations_unconfirmed"),
        migrations.AddIndex(
            model_name="bulkoperation",
            index=models.Index(
                condition=models.Q(("confirmed_at__isnull", True)), fields=["created_at"], name="bulk_operations_unconfirmed"
            ),
        ),
        migrations.AddIndex(
            model_name="bulkoperation",
            index=models.Index(condition=models.Q(("ended_at__isnull", False)), fields=["ended_at"], name="bulk_operations_ended"),
        ),
        migrations.AddIndex(model_name="failurecount", index=models.Index(fields=["hour"], name="failure_counts_hour")),
    ]
