"""Fewer index entries for each change of a job: what they cost is in docs/decisions/0015."""

from django.db import migrations, models

from jobs.lifecycle import Status

# Each of their entries is unique, so that looking for duplicates finds none and only delays the split of a page.
WITHOUT_DUPLICATES = ("jobs_created", "jobs_made", "jobs_updated", "jobs_status_updated")
PLAIN = "".join(f"alter index {name} set (deduplicate_items = off);" for name in WITHOUT_DUPLICATES)
PLAIN_REVERSE = "".join(f"alter index {name} reset (deduplicate_items);" for name in WITHOUT_DUPLICATES)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0012_storage")]
    operations = [
        migrations.RemoveIndex(model_name="job", name="jobs_status_updated"),
        migrations.RemoveIndex(model_name="job", name="jobs_status_attempts"),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                fields=["status", "updated_at", "id"],
                name="jobs_status_updated",
                condition=models.Q(status__in=[Status.CANCELLED, Status.COMPLETED, Status.FAILED, Status.QUEUED]),
            ),
        ),
        migrations.RunSQL(PLAIN, PLAIN_REVERSE),
    ]
