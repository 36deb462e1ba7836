from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from jobs.failures import Category
from jobs.policies import BOUNDS, DEFAULTS


class JobType(models.Model):
    """How jobs of a type are tried again, and how many of them may be held at a time. What is null is as it is for every type.

    A row is made with the first job of a type, or when somebody says something of it; no row says as much as one of nulls. Whether a type
    is paused stands with the other pauses.
    """

    name = models.CharField(max_length=100, primary_key=True)
    # Of new jobs, where their producer doesn't say.
    max_attempts = models.IntegerField(null=True)
    timeout_seconds = models.IntegerField(null=True)
    # Read when a run fails.
    backoff_base_seconds = models.IntegerField(null=True)
    backoff_cap_seconds = models.IntegerField(null=True)
    retryable_categories = ArrayField(models.TextField(), null=True)
    # Claimed and running together; null: any number.
    concurrency_limit = models.IntegerField(null=True)

    class Meta:
        db_table = "job_types"
        indexes = [models.Index(fields=["name"], name="job_types_limited", condition=Q(concurrency_limit__isnull=False))]
        constraints = [
            *(
                models.CheckConstraint(condition=Q(**{f"{name}__range": bounds}), name=f"job_types_{name}")
                for name, bounds in BOUNDS.items()
            ),
            models.CheckConstraint(condition=Q(retryable_categories__contained_by=list(Category)), name="job_types_known_categories"),
        ]

    def __str__(self) -> str:
        return self.name

    def in_force(self, part: str) -> int:
        """Attempts or a duration as it is for this type: what was said of it, or what holds for every type."""
        said: int | None = getattr(self, part)
        return DEFAULTS[part] if said is None else said
