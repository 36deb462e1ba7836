from django.contrib.postgres.fields import ArrayField
from django.db import models


class Subscription(models.Model):
    """What an orchestrator asks for when it claims: a row for each set of types and labels that it has lately claimed with.

    It may say so with its claims only, never with a heartbeat, and it may claim in turns, now for these types, now for those. Which lanes
    anybody takes is told from here, and where there is no row from the orchestrator's own. Written at most every five seconds.
    """

    pk = models.CompositePrimaryKey("orchestrator_id", "digest")
    orchestrator_id = models.CharField(max_length=128)
    # SHA-256 of what is asked for: a thousand types don't fit into an index.
    digest = models.BinaryField()
    # Null: those on record, or any.
    types = ArrayField(models.CharField(max_length=100), null=True)
    # Null: those on record, or none.
    labels = ArrayField(models.TextField(), null=True)
    asked_at = models.DateTimeField()

    class Meta:
        db_table = "subscriptions"

    def __str__(self) -> str:
        types = "any type" if self.types is None else ", ".join(self.types)
        return f"{self.orchestrator_id}: {types}{''.join(f' +{label}' for label in self.labels or [])}"
