from django.db import models


class CanaryState(models.TextChoices):
    """How far the retry of a group has come: its canaries are tried; they have completed, and the rest follows; or one of them did not."""

    TRYING = "trying"
    PASSED = "passed"
    HALTED = "halted"


class CanaryRetry(models.Model):
    """What the retry of a failure group adds to the bulk operation that carries it out."""

    # No foreign key, as with the items.
    operation_id = models.CharField(max_length=50, primary_key=True, db_collation="C")
    fingerprint = models.CharField(max_length=16, db_collation="C")
    canaries = models.IntegerField()
    # Over so long a time the rest is spread.
    over_seconds = models.IntegerField()
    state = models.CharField(max_length=10, choices=CanaryState, default=CanaryState.TRYING)
    # When the canaries were judged; the rest is spread from then on.
    judged_at = models.DateTimeField(null=True)
    # Of one that halted: why.
    words = models.TextField(null=True)  # noqa: DJ001

    class Meta:
        db_table = "canary_retries"
        verbose_name_plural = "canary retries"
        indexes = [models.Index(fields=["fingerprint", "operation_id"], name="canary_retries_of_group")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state=CanaryState.TRYING, judged_at__isnull=True)
                | (~models.Q(state=CanaryState.TRYING) & models.Q(judged_at__isnull=False)),
                name="canary_retries_judged",
            ),
            models.CheckConstraint(condition=models.Q(canaries__gte=1, over_seconds__gte=0), name="canary_retries_terms"),
        ]

    def __str__(self) -> str:
        return f"{self.operation_id} {self.fingerprint} {self.state}"
