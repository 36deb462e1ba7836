from django.db import models


class LogLine(models.Model):
    """One line that a job wrote, once per (job, epoch, sequence)."""

    pk = models.CompositePrimaryKey("job_id", "epoch", "sequence")
    # No foreign key: its check would lock the job's row for each batch of lines.
    job_id = models.CharField(max_length=50, db_collation="C")
    epoch = models.IntegerField()
    sequence = models.BigIntegerField()
    stream = models.CharField(max_length=6)
    line = models.TextField()
    stated_at = models.DateTimeField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "log_lines"
        constraints = [
            models.CheckConstraint(condition=models.Q(stream__in=["stdout", "stderr", "system"]), name="log_lines_stream_known"),
            models.CheckConstraint(condition=models.Q(sequence__gte=0), name="log_lines_sequence_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id}/{self.epoch}/{self.sequence}"
