from enum import StrEnum
from urllib.parse import urlsplit

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from jobs.models.columns import TransactionIdField


class WebhookEndpoint(models.Model):
    """Where changes of status are told, and which. An empty list of events, types or categories means all of them.

    Its secrets stand in rows of their own, so that nothing that reads endpoints reads them.
    """

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=500, blank=True)
    url = models.CharField(max_length=2000)
    events = ArrayField(models.CharField(max_length=40), default=list)
    types = ArrayField(models.CharField(max_length=100), default=list)
    # Of failures; what is no failure is told whatever stands here.
    categories = ArrayField(models.CharField(max_length=20), default=list)
    enabled = models.BooleanField(default=True)
    disabled_reason = models.TextField(null=True)  # noqa: DJ001  null means absent, as everywhere
    # Entries of the log that are labelled with an older transaction were written before it was enabled.
    since = TransactionIdField()
    # Since when no try has succeeded; null while they do. Meanwhile it is tried with one delivery at a time.
    failing_since = models.DateTimeField(null=True)
    # It asked for silence until then (Retry-After).
    quiet_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.CharField(max_length=150)

    class Meta:
        db_table = "webhook_endpoints"
        verbose_name = "webhook endpoint"
        constraints = [
            models.CheckConstraint(condition=Q(enabled=True) ^ Q(disabled_reason__isnull=False), name="webhook_endpoints_disabled_says_why")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_url(self) -> str:
        """The address without its query, which may hold a secret of the receiver's."""
        url = urlsplit(self.url)
        return f"{url.scheme}://{url.netloc}{url.path}" + ("?…" if url.query else "")


class WebhookSecret(models.Model):
    """What signs for an endpoint: the newest, and until its time the one before it."""

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="secrets")
    text = models.CharField(max_length=100)
    made_at = models.DateTimeField(db_default=Now())
    # Null: until there is a newer one.
    signs_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "webhook_secrets"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["endpoint"], condition=Q(signs_until__isnull=True), name="webhook_secrets_one_newest"),
        ]

    def __str__(self) -> str:
        return f"secret {self.id}"


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DISCARDED = "discarded"


class WebhookDelivery(models.Model):
    """One message for one endpoint: tried until it is taken, with the same id and body each time."""

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    # What the receiver knows it by (webhook-id); the same for all endpoints that the change is told to.
    event_id = models.CharField(max_length=40)
    event = models.CharField(max_length=40)
    # Null for tests.
    job_id = models.CharField(max_length=50, null=True, db_collation="C")  # noqa: DJ001
    entry_id = models.BigIntegerField(null=True)
    # The place of the entry in the log of its job, from 0.
    sequence = models.IntegerField(null=True)
    # As it is sent, JSON.
    body = models.TextField()
    state = models.CharField(
        max_length=20, choices=[(state.value, state.value) for state in DeliveryState], default=DeliveryState.PENDING.value
    )
    made_at = models.DateTimeField(db_default=Now())
    # Also for how long whoever tries it now has it: then it is due again.
    next_try_at = models.DateTimeField(null=True)
    # Tries since it was made, or last asked for anew by a person: where it stands in the schedule.
    step = models.SmallIntegerField(default=0)
    tries = models.IntegerField(default=0)
    # By what the one who tries it now is known.
    lease = models.BigIntegerField(null=True)
    settled_at = models.DateTimeField(null=True)
    last_try_at = models.DateTimeField(null=True)
    last_status = models.SmallIntegerField(null=True)
    last_error = models.CharField(max_length=500, null=True)  # noqa: DJ001

    class Meta:
        db_table = "webhook_deliveries"
        verbose_name = "webhook delivery"
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "entry_id"], name="webhook_deliveries_once"),
            models.CheckConstraint(
                condition=Q(state="pending", next_try_at__isnull=False, settled_at__isnull=True)
                | Q(state__in=["delivered", "failed", "discarded"], next_try_at__isnull=True, settled_at__isnull=False, lease__isnull=True),
                name="webhook_deliveries_pending_has_a_next_try",
            ),
        ]
        indexes = [
            models.Index(fields=["endpoint", "next_try_at", "id"], name="webhook_deliveries_due", condition=Q(state="pending")),
            models.Index(fields=["endpoint", "id"], name="webhook_deliveries_endpoint"),
            models.Index(fields=["endpoint", "id"], name="webhook_deliveries_failed", condition=Q(state="failed")),
            models.Index(fields=["job_id", "id"], name="webhook_deliveries_job", condition=Q(job_id__isnull=False)),
            models.Index(fields=["settled_at"], name="webhook_deliveries_settled", condition=Q(settled_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.event_id}"


class WebhookAttempt(models.Model):
    """One try of a delivery, and what came back."""

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    number = models.IntegerField()
    at = models.DateTimeField()
    seconds = models.FloatField()
    # Null: there was no answer.
    status = models.SmallIntegerField(null=True)
    # The beginning of its body, at most 4 KiB.
    answer = models.TextField(null=True)  # noqa: DJ001
    # Why it did not do; null when it was taken.
    error = models.CharField(max_length=500, null=True)  # noqa: DJ001

    class Meta:
        db_table = "webhook_attempts"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="webhook_attempts_number")]

    def __str__(self) -> str:
        return f"{self.delivery_id} #{self.number}"
