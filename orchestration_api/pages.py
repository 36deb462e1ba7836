"""Pages by key: they stay exact and fast however deep one reads, and nothing is skipped while jobs come and go."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from jobs import times
from jobs.ids import is_id
from jobs.models import Job
from orchestration_api.exceptions import WireError
from orchestration_api.renderers import encoded, most_bytes
from orchestration_api.representations import LONGEST_ERROR

# The other columns of a job, generously.
_AROUND_A_JOB = 2000
ORDERINGS = {"createdAt": "created_at", "updatedAt": "updated_at", "completedAt": "completed_at", "priority": "priority"}


@dataclass(frozen=True)
class Page:
    """
    Attributes:
        jobs: in the order asked for.
        next: cursor of what follows, or None.
        previous: cursor of what came before, or None.
    """

    jobs: list[Job]
    next: str | None
    previous: str | None


def page_of(jobs: "QuerySet[Job]", *, ordering: str, cursor: str | None, size: int) -> Page:
    """One page; it ends early where an answer would grow too large.

    Args:
        ordering: a word of ORDERINGS, with `-` for descending; ties are broken by id.
        cursor: from an earlier page with the same ordering.

    Raises:
        WireError: the ordering or the cursor is none of ours.
    """
    column = ORDERINGS.get(ordering.removeprefix("-"))
    if column is None:
        known = ", ".join(sorted(ORDERINGS))
        raise WireError(
            "VALIDATION_INVALID_PARAMS", f"ordering must be one of {known}, with - for descending.", fields={"ordering": ["is not known"]}
        )
    descending = ordering.startswith("-")
    backwards, place = _read(cursor, ordering) if cursor is not None else (False, None)
    if column == "completed_at":
        # What has not ended has no place in this order.
        jobs = jobs.filter(completed_at__isnull=False)
    falling = descending != backwards
    if place:
        side = "lt" if falling else "gt"
        jobs = jobs.filter(Q(**{f"{column}__{side}": place[0]}) | Q(**{column: place[0], f"id__{side}": place[1]}))
    sign = "-" if falling else ""
    found = list(jobs.order_by(f"{sign}{column}", f"{sign}id")[: size + 1])
    page = _fitting(found[:size])
    more, found = len(found) > len(page), page
    if backwards:
        found.reverse()
    ahead, behind = (True, more) if backwards else (more, place is not None)
    return Page(
        jobs=found,
        next=_written(found[-1], column, ordering, "next") if found and ahead else None,
        previous=_written(found[0], column, ordering, "previous") if found and behind else None,
    )


def _fitting(jobs: list[Job]) -> list[Job]:
    """As many as an answer has room for; the first always."""
    room = most_bytes()
    for place, job in enumerate(jobs):
        room -= len(encoded([(job.last_error or "")[:LONGEST_ERROR], job.metadata])) + _AROUND_A_JOB
        if place and room < 0:
            return jobs[:place]
    return jobs


def _written(job: Job, column: str, ordering: str, direction: str) -> str:
    value = getattr(job, column)
    text = json.dumps([direction, ordering, times.written(value) if isinstance(value, datetime) else value, job.id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str, ordering: str) -> tuple[bool, tuple[Any, str]]:
    try:
        direction, made_for, value, job_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if made_for != ordering or direction not in ("next", "previous") or not isinstance(job_id, str) or not is_id(job_id):
            raise ValueError("made for another ordering")
        if ordering.removeprefix("-") == "priority":
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 100:
                raise ValueError("not a priority")
        else:
            value = times.read(value)
    except (ValueError, TypeError, RecursionError):
        raise WireError(
            "VALIDATION_INVALID_PARAMS", "The cursor is not one of this list. Begin again without it.", fields={"cursor": ["is not known"]}
        ) from None
    return direction == "previous", (value, job_id)
