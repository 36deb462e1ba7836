from enum import StrEnum

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone


class Scope(StrEnum):
    """What a token opens at the machine door."""

    ORCHESTRATE = "orchestrate"
    ENQUEUE = "enqueue"
    READ = "read"
    MANAGE = "manage"

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MEANINGS = {
    Scope.ORCHESTRATE: "claim jobs and report on them, as one orchestrator",
    Scope.ENQUEUE: "make jobs; read, cancel and retry those it made",
    Scope.READ: "read all jobs, secrets in payloads masked",
    Scope.MANAGE: "cancel, retry and change all jobs",
}


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def live(self) -> "ApiTokenQuerySet":
        """Neither revoked nor expired, by the database's clock."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=Now()), revoked_at__isnull=True)


class ApiToken(models.Model):
    """A token that was issued to one program. Its text is known to that program alone: here stands what recognises it.

    All tokens of one name are one identity: the name stands as `createdBy` on the jobs it makes. With an orchestrator, the token speaks for
    that one and for no other.
    """

    public_id = models.CharField(max_length=12, primary_key=True, db_collation="C")
    digest = models.BinaryField()
    name = models.CharField(max_length=100)
    scopes = ArrayField(models.CharField(max_length=20))
    orchestrator_id = models.CharField(max_length=128, null=True)  # noqa: DJ001  null means absent, as everywhere
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.CharField(max_length=150)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=150, null=True)  # noqa: DJ001
    last_used_at = models.DateTimeField(null=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        db_table = "api_tokens"
        verbose_name = "token"
        constraints = [
            models.CheckConstraint(condition=Q(scopes__contained_by=[*Scope]) & ~Q(scopes=[]), name="api_tokens_scopes_known"),
            models.CheckConstraint(
                condition=~Q(scopes__contains=[Scope.ORCHESTRATE]) | Q(orchestrator_id__isnull=False),
                name="api_tokens_orchestrate_is_bound",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.public_id})"

    @property
    def state(self) -> str:
        """`live`, `expired` or `revoked`, for people to read; by what a token is judged is the database's clock."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= timezone.now() else "live"
