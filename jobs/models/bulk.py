from django.db import models
from django.db.models import F, Q

from jobs.actors import Actor
from jobs.lifecycle import ActorKind

# What has no outcome yet, or, of an operation that was stopped, gets none any more.
PENDING = "pending"


class BulkState(models.TextChoices):
    PREVIEW = "preview"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"


class ItemOutcome(models.TextChoices):
    CHANGED = "changed"
    SKIPPED = "skipped"
    FAILED = "failed"


class BulkOperation(models.Model):
    """One act on many jobs: shown first, confirmed with a reason, carried out a batch at a time by whoever sweeps."""

    id = models.CharField(max_length=50, primary_key=True, db_collation="C")
    action = models.CharField(max_length=20)
    arguments = models.JSONField(default=dict)
    # The filter as it was asked; null where the jobs were named by their ids.
    filter = models.JSONField(null=True)
    # Only jobs that this producer made; null for any.
    only_made_by = models.CharField(max_length=160, null=True)  # noqa: DJ001
    selection = models.TextField()
    # What it was shown to come to when it was made.
    preview = models.JSONField()
    state = models.CharField(max_length=10, choices=BulkState, default=BulkState.PREVIEW)
    reason = models.TextField(null=True)  # noqa: DJ001
    created_by_kind = models.CharField(max_length=20)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    # As whom it acts on the jobs.
    confirmed_by_kind = models.CharField(max_length=20, null=True)  # noqa: DJ001
    confirmed_by = models.CharField(max_length=150, null=True)  # noqa: DJ001
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    next_batch_at = models.DateTimeField(null=True)
    # How many jobs are in it, once that is settled, and what has become of them.
    selected = models.IntegerField(null=True)
    changed = models.IntegerField(default=0)
    skipped = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    # Of the form that it was sent by, so that one sent twice makes one operation.
    form_key = models.CharField(max_length=64, null=True)  # noqa: DJ001

    class Meta:
        db_table = "bulk_operations"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_batch_at", "id"], name="bulk_operations_next", condition=Q(state=BulkState.RUNNING)),
            models.Index(fields=["created_at"], name="bulk_operations_unconfirmed", condition=Q(confirmed_at__isnull=True)),
            models.Index(fields=["ended_at"], name="bulk_operations_ended", condition=Q(ended_at__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["created_by", "form_key"], name="bulk_operations_form"),
            models.CheckConstraint(condition=Q(state__in=BulkState.values), name="bulk_operations_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=[BulkState.PREVIEW, BulkState.STOPPED])
                | Q(selected__isnull=False, confirmed_by__isnull=False, confirmed_at__isnull=False, reason__isnull=False),
                name="bulk_operations_confirmed",
            ),
            models.CheckConstraint(
                condition=Q(state=BulkState.RUNNING, next_batch_at__isnull=False)
                | (~Q(state=BulkState.RUNNING) & Q(next_batch_at__isnull=True)),
                name="bulk_operations_runs_on",
            ),
            models.CheckConstraint(
                condition=Q(selected__isnull=True, changed=0, skipped=0, failed=0)
                | Q(selected__gte=F("changed") + F("skipped") + F("failed")),
                name="bulk_operations_sums",
            ),
            models.CheckConstraint(
                condition=~Q(state=BulkState.DONE) | Q(selected=F("changed") + F("skipped") + F("failed")),
                name="bulk_operations_done_is_all",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.action} {self.state}"

    @property
    def pending(self) -> int:
        """Jobs of it that nothing has become of; of one that was stopped, they are left as they are."""
        return (self.selected or 0) - self.changed - self.skipped - self.failed

    @property
    def outcomes(self) -> dict[str, int]:
        """How many of its jobs came to what; together as many as were selected."""
        return {outcome: int(getattr(self, outcome)) for outcome in ItemOutcome.values} | {PENDING: self.pending}

    @property
    def actor(self) -> Actor:
        """As whom it changes jobs: who confirmed it, and the operation as the request.

        Raises:
            LookupError: nobody has confirmed it.
        """
        if self.confirmed_by is None or self.confirmed_by_kind is None:
            raise LookupError(self.id)
        return Actor(ActorKind(self.confirmed_by_kind), self.confirmed_by, request_id=self.id)


class BulkItem(models.Model):
    """One job of an operation, and what became of it there."""

    pk = models.CompositePrimaryKey("operation_id", "ordinal")
    # No foreign keys: ten thousand checks for each operation. Jobs may go while it is there.
    operation_id = models.CharField(max_length=50, db_collation="C")
    ordinal = models.IntegerField()
    job_id = models.CharField(max_length=50, db_collation="C")
    outcome = models.CharField(max_length=10, choices=ItemOutcome, null=True)  # noqa: DJ001
    words = models.TextField(null=True)  # noqa: DJ001
    at = models.DateTimeField(null=True)
    # How often it was left for a later batch, because somebody else had the job's row.
    tries = models.SmallIntegerField(default=0)

    class Meta:
        db_table = "bulk_items"
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__isnull=True, words__isnull=True, at__isnull=True)
                | Q(outcome__in=ItemOutcome.values, words__isnull=False, at__isnull=False),
                name="bulk_items_outcome_told",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation_id}/{self.ordinal} {self.job_id} {self.outcome or 'pending'}"
