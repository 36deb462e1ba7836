from django.contrib.postgres.fields import ArrayField
from django.db import models


class Orchestrator(models.Model):
    """A remote process as we know it from what it last told us. Having no row forbids nothing: the first word makes one."""

    id = models.CharField(max_length=128, primary_key=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    last_heartbeat_at = models.DateTimeField(null=True)
    version = models.CharField(max_length=200, null=True)  # noqa: DJ001  null: never told, as everywhere on the wire
    hostname = models.CharField(max_length=255, null=True)  # noqa: DJ001
    job_types = ArrayField(models.CharField(max_length=100), null=True)
    # What it says that it has; jobs may require some of it. Null: never told.
    labels = ArrayField(models.TextField(), null=True)
    capacity = models.JSONField(null=True)
    last_report = models.JSONField(null=True)
    # When it last reported without a lease token, to the minute: its claims can then be told apart by time only.
    last_unfenced_at = models.DateTimeField(null=True)

    # Where its last heartbeat came from: the host, and the process where it tells it. And where others came from before, each with the time
    # of the last, as far back as a lease lasts: who comes back to such a place was there all the time, so two use this id at once.
    place = models.CharField(max_length=400, null=True)  # noqa: DJ001
    earlier_places = models.JSONField(null=True)
    # When that was last seen, and where the two were.
    double_at = models.DateTimeField(null=True)
    double_places = ArrayField(models.CharField(max_length=400), null=True)

    class Meta:
        db_table = "orchestrators"

    def __str__(self) -> str:
        return self.id
