"""What the audit log comes to in figures (jobs/rollup.py): tables that only the fold writes, from the log alone."""

from django.db import models


class Span(models.IntegerChoices):
    """How long a row counts for, in seconds."""

    # Since the log began; all of these have the same beginning.
    EVER = 0
    MINUTE = 60
    HOUR = 3600


class TimeSpent(models.Model):
    """How long jobs of a type were in a state: those that left it in the minute or hour, by lengths that are about the same."""

    pk = models.CompositePrimaryKey("span", "begins_at", "type", "state", "bucket")
    span = models.SmallIntegerField(choices=Span)
    begins_at = models.DateTimeField()
    type = models.CharField(max_length=100, db_collation="C")
    # A status, or what queued jobs waited for (jobs/timing.py).
    state = models.CharField(max_length=20, db_collation="C")
    # The b of jobs/rollup.py: from 2^(b/8) microseconds to 2^((b+1)/8).
    bucket = models.SmallIntegerField()
    stretches = models.BigIntegerField()
    # Of all of them, exactly. (As bigint, a hundred million jobs a day long each would be too many.)
    microseconds = models.DecimalField(max_digits=30, decimal_places=0)

    class Meta:
        db_table = "time_spent"

    def __str__(self) -> str:
        return f"{self.type} {self.state}: {self.stretches}"


class TransitionCount(models.Model):
    """How many jobs of a type went from one status to another in the minute or hour; failures by category."""

    pk = models.CompositePrimaryKey("span", "begins_at", "type", "from_status", "to_status", "category")
    span = models.SmallIntegerField(choices=Span)
    begins_at = models.DateTimeField()
    type = models.CharField(max_length=100, db_collation="C")
    # Empty for jobs that were enqueued.
    from_status = models.CharField(max_length=20, db_collation="C")
    # Empty for jobs that were pruned.
    to_status = models.CharField(max_length=20, db_collation="C")
    # Of failures; else empty.
    category = models.CharField(max_length=20, db_collation="C")
    jobs = models.BigIntegerField()

    class Meta:
        db_table = "transition_counts"

    def __str__(self) -> str:
        return f"{self.type} {self.from_status} > {self.to_status}: {self.jobs}"
