from datetime import timedelta

from django.db import models
from django.utils import timezone

from jobs.models.columns import TransactionIdField

# A group that is older than this, and was seen within it, is no news any more.
ONGOING_AFTER = timedelta(days=1)


class TriageState(models.TextChoices):
    """What people have made of a group. `ongoing` is none of these: it is how an open group looks."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    REGRESSED = "regressed"


class FailureGroup(models.Model):
    """Failures with one fingerprint: what they have in common, how many there were, and what people have made of it.

    Made and counted by the fold (jobs/failure_groups.py), never by a report, for which it would be one hot row. Triage (jobs/triage.py)
    changes neither job nor count.
    """

    fingerprint = models.CharField(max_length=16, primary_key=True, db_collation="C")
    type = models.CharField(max_length=100)
    category = models.CharField(max_length=20)
    code = models.TextField()
    title = models.TextField()
    top_frame = models.TextField()
    # The version of the rule by which it was made (jobs/fingerprints.py).
    rule = models.SmallIntegerField()
    example_job_id = models.CharField(max_length=50, db_collation="C")
    example_error = models.TextField()
    failures = models.BigIntegerField(default=0)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    state = models.CharField(max_length=20, choices=TriageState.choices, default=TriageState.NEW)
    owner = models.CharField(max_length=150, null=True)  # noqa: DJ001  null means absent, on the wire too
    note = models.TextField(null=True)  # noqa: DJ001
    # Snoozed until a time, or until so many more failures; and what it returns to then.
    snoozed_until = models.DateTimeField(null=True)
    snoozed_failures = models.IntegerField(null=True)
    snoozed_from = models.CharField(max_length=20, choices=TriageState.choices, null=True)  # noqa: DJ001
    # The last act of a person. What failed before it was known to them.
    triaged_at = models.DateTimeField(null=True)
    triaged_by = models.CharField(max_length=150, null=True)  # noqa: DJ001

    class Meta:
        db_table = "failure_groups"
        ordering = ["-last_seen_at", "fingerprint"]
        indexes = [
            models.Index(fields=["-last_seen_at", "fingerprint"], name="failure_groups_seen"),
            models.Index(fields=["snoozed_until"], name="failure_groups_snoozed", condition=models.Q(state=TriageState.SNOOZED)),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=TriageState.values), name="failure_groups_state_known"),
            models.CheckConstraint(
                condition=models.Q(state=TriageState.SNOOZED, snoozed_from__isnull=False)
                & (models.Q(snoozed_until__isnull=False) | models.Q(snoozed_failures__isnull=False))
                | ~models.Q(state=TriageState.SNOOZED)
                & models.Q(snoozed_from__isnull=True, snoozed_until__isnull=True, snoozed_failures__isnull=True),
                name="failure_groups_snooze_ends",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_ongoing(self) -> bool:
        """Open for a while, and still failing."""
        since = timezone.now() - ONGOING_AFTER
        closed = (TriageState.SNOOZED, TriageState.RESOLVED)
        return self.state not in closed and self.first_seen_at < since <= self.last_seen_at


class FailureCount(models.Model):
    """How many failures of a group there were in an hour."""

    pk = models.CompositePrimaryKey("fingerprint", "hour")
    fingerprint = models.CharField(max_length=16, db_collation="C")
    hour = models.DateTimeField()
    failures = models.IntegerField()

    class Meta:
        db_table = "failure_counts"
        indexes = [models.Index(fields=["hour"], name="failure_counts_hour")]

    def __str__(self) -> str:
        return f"{self.failures} of {self.fingerprint} in {self.hour}"


class FailureFold(models.Model):
    """One row: how far in the log failures have been folded, and how far among the jobs the newest rule has been applied.

    Whoever folds or regroups locks it, so that one of them does so at a time.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    xid = TransactionIdField()
    entry_id = models.BigIntegerField()
    # By which rule every failure is grouped, and up to which job those of `next_rule` are.
    rule = models.SmallIntegerField()
    next_rule = models.SmallIntegerField()
    regrouped_to = models.CharField(max_length=50, db_collation="C")

    class Meta:
        db_table = "failure_fold"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="failure_fold_one_row")]

    def __str__(self) -> str:
        return f"folded to {self.xid}-{self.entry_id}"
