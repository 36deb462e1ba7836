from django.db import models
from django.db.models import Q


class Watch(models.Model):
    """The one row in which jobsite watches over itself: who will say by when that it is alive, and the brake that holds if it does not.

    No `due_by`: nothing is promised. The brake keeps every running lease that ran out after `brake_from`; those that ran out earlier have
    had their lease period under the brake before it. When it is over it keeps its times, and loses its reason once that was told.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    sweeper_due_by = models.DateTimeField(null=True)
    web_due_by = models.DateTimeField(null=True)
    brake_since = models.DateTimeField(null=True)
    brake_until = models.DateTimeField(null=True)
    brake_from = models.DateTimeField(null=True)
    brake_reason = models.TextField(null=True)  # noqa: DJ001

    class Meta:
        db_table = "watch"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="watch_is_one_row")]

    def __str__(self) -> str:
        return "watch"
