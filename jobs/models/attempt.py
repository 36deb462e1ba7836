from django.db import models

from jobs.models.columns import PlainNumbers


class Attempt(models.Model):
    """A finished run, moved here whole when the job goes back to the queue. The last run stands on the job itself."""

    id = models.BigAutoField(primary_key=True)
    job_id = models.CharField(max_length=50, db_collation="C")
    epoch = models.IntegerField()
    number = models.IntegerField()
    status = models.CharField(max_length=20)
    orchestrator_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    claimed_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField()
    exit_code = models.BigIntegerField(null=True)
    last_error = models.TextField(null=True)  # noqa: DJ001
    error_category = models.CharField(max_length=20, null=True)  # noqa: DJ001
    fingerprint = models.CharField(max_length=16, null=True)  # noqa: DJ001
    result = models.JSONField(null=True, decoder=PlainNumbers)

    class Meta:
        db_table = "attempts"
        constraints = [models.UniqueConstraint(fields=["job_id", "epoch"], name="attempts_once_per_epoch")]

    def __str__(self) -> str:
        return f"{self.job_id} attempt {self.number}"
