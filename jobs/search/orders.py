"""In which orders jobs can be read, and which of them an index gives."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from django.db.models import DurationField, ExpressionWrapper, F, Q

from jobs.ids import is_id
from jobs.lifecycle import TERMINAL
from jobs.paging import Column, Paging, moment, span, text, whole


@dataclass(frozen=True)
class Order:
    """
    Attributes:
        column: what is compared.
        reads: a value of it from a cursor.
        label: of the column on the page.
        ends: how the ends of the list are called, the descending one first.
        walks: which index of jobs gives it, so that it serves whatever number of them; where none does, those that match are sorted.
        nothing: added to the column, it leaves the value as it is, and hides from PostgreSQL that an index has it.
        of: the jobs that have a value; None for all.
    """

    column: Any
    reads: Callable[[Any], Any]
    label: str
    ends: tuple[str, str]
    walks: Literal["updated", "created", "priority", "duration"] | None = None
    nothing: Any = None
    of: Q | None = None

    @property
    def sorted_by(self) -> Any:
        """What is compared when it is to be sorted: PostgreSQL would rather walk an index, to its end if what matches stands there."""
        return self.column if self.nothing is None else self.column + self.nothing


_TOOK = ExpressionWrapper(F("completed_at") - F("started_at"), output_field=DurationField())
_NO_TIME = timedelta(0)
_ENDED = Q(status__in=sorted(TERMINAL))
ORDERS = {
    "updated": Order(F("updated_at"), moment, "Updated", ("newest change", "oldest change"), "updated", nothing=_NO_TIME),
    "created": Order(F("created_at"), moment, "Created", ("newest", "oldest"), "created", nothing=_NO_TIME),
    # A job that has ended changes no more but by beginning anew: its last change was its end, which has an index already.
    "completed": Order(F("updated_at"), moment, "Completed", ("last to end", "first to end"), "updated", nothing=_NO_TIME, of=_ENDED),
    "priority": Order(F("priority"), whole(0, 100), "Priority", ("highest priority", "lowest priority"), "priority", nothing=0),
    "duration": Order(
        _TOOK, span, "Duration", ("longest run", "shortest run"), "duration", nothing=_NO_TIME, of=_ENDED & Q(started_at__isnull=False)
    ),
    "status": Order(F("status"), text, "Status", ("Z to A", "A to Z")),
    "attempts": Order(F("attempts"), whole(0, 2**31 - 1), "Attempts", ("most attempts", "fewest attempts")),
}
KEY = "order_key"


def _job_id(value: Any) -> str:
    if not isinstance(value, str) or not is_id(value):
        raise ValueError("not the id of a job")
    return value


PAGING = Paging({name: Column(KEY, order.reads) for name, order in ORDERS.items()}, tie=Column("id", _job_id))
