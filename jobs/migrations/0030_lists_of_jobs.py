"""What the jobs page reads its lists by: a type, a type in one status, the priority, and how long a run took."""

from django.db import migrations, models
from django.db.models import F, Q

_ENDED = ["cancelled", "completed", "failed"]
_AT_REST = [*_ENDED, "queued"]
# Each of their entries is unique (0013).
WITHOUT_DUPLICATES = ("jobs_type_status", "jobs_priority", "jobs_duration")
PLAIN = "".join(f"alter index {name} set (deduplicate_items = off);" for name in WITHOUT_DUPLICATES)
PLAIN_REVERSE = "".join(f"alter index {name} reset (deduplicate_items);" for name in WITHOUT_DUPLICATES)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0029_roles")]
    operations = [
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["type", "status", "updated_at", "id"], name="jobs_type_status", condition=Q(status__in=_AT_REST)),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["priority", "id"], name="jobs_priority", condition=Q(status__in=_AT_REST)),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                F("completed_at") - F("started_at"),
                F("id"),
                name="jobs_duration",
                condition=Q(status__in=_ENDED, started_at__isnull=False),
            ),
        ),
        migrations.RunSQL(PLAIN, PLAIN_REVERSE),
    ]
