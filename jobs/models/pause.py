from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class PauseMode(models.TextChoices):
    """What a claim that gets nothing for it is told as the reason."""

    PAUSED = "paused"
    DRAINED = "drained"
    DISABLED = "disabled"


class PauseScope(models.TextChoices):
    SITE = "site"
    TYPE = "type"
    ORCHESTRATOR = "orchestrator"


class Pause(models.Model):
    """Claims that are refused for the time being: all, of a type of jobs, or by an orchestrator. What is held is held, and reported on."""

    scope = models.CharField(max_length=20, choices=PauseScope)
    # Of the type or orchestrator; empty for the site.
    name = models.CharField(max_length=128)
    mode = models.CharField(max_length=20, choices=PauseMode)
    reason = models.TextField()
    paused_by = models.CharField(max_length=150)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "pauses"
        constraints = [
            models.UniqueConstraint(fields=["scope", "name"], name="pauses_one_each"),
            models.CheckConstraint(
                condition=Q(scope=PauseScope.SITE, name="", mode=PauseMode.PAUSED)
                | (Q(scope=PauseScope.TYPE, mode=PauseMode.PAUSED) & ~Q(name=""))
                | (Q(scope=PauseScope.ORCHESTRATOR, mode__in=[PauseMode.DRAINED, PauseMode.DISABLED]) & ~Q(name="")),
                name="pauses_mode_fits_scope",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.name} {self.mode}".replace("  ", " ")
