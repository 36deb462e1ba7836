"""Pages by key: they stay exact and fast however deep one reads, and nothing is skipped while jobs come and go."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from jobs import times
from jobs.ids import is_id
from jobs.models import Job
from orchestration_api.exceptions import WireError
from orchestration_api.renderers import encoded, most_bytes
from orchestration_api.representations import LONGEST_ERROR

# The other columns of a job, generously.
_AROUND_A_JOB = 2000
ORDERINGS = {"createdAt": "created_at", "updatedAt": "updated_at", "completedAt": "completed_at", "priority": "priority"}
# What has not ended stands last, both ways.
_MAY_BE_NULL = frozenset({"completed_at"})


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
        ordering: a word of ORDERINGS, with `-` for descending; ties are broken by id. By completedAt, what has not ended comes last.
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
    falling = descending != backwards
    if place:
        jobs = jobs.filter(_beyond(place, column, falling=falling, backwards=backwards))
    found = list(jobs.order_by(*_order(column, falling=falling, backwards=backwards))[: size + 1])
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


def _order(column: str, *, falling: bool, backwards: bool) -> list[Any]:
    sign = "-" if falling else ""
    if column not in _MAY_BE_NULL:
        return [f"{sign}{column}", f"{sign}id"]
    # Where nothing stands comes last whichever way the rest is ordered; read backwards, first.
    nulls = {"nulls_first": True} if backwards else {"nulls_last": True}
    return [F(column).desc(**nulls) if falling else F(column).asc(**nulls), f"{sign}id"]


def _beyond(place: tuple[Any, str], column: str, *, falling: bool, backwards: bool) -> Q:
    """What is read after a place."""
    (value, job_id), side = place, "lt" if falling else "gt"
    tie = {f"id__{side}": job_id}
    if value is None:
        unset = Q(**{f"{column}__isnull": True}, **tie)
        return Q(**{f"{column}__isnull": False}) | unset if backwards else unset
    beyond = Q(**{f"{column}__{side}": value}) | Q(**{column: value}, **tie)
    return beyond | Q(**{f"{column}__isnull": True}) if column in _MAY_BE_NULL and not backwards else beyond


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
        column = ORDERINGS[ordering.removeprefix("-")]
        if column == "priority":
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 100:
                raise ValueError("not a priority")
        elif value is not None or column not in _MAY_BE_NULL:
            value = times.read(value)
    except (ValueError, TypeError, RecursionError):
        raise WireError(
            "VALIDATION_INVALID_PARAMS", "The cursor is not one of this list. Begin again without it.", fields={"cursor": ["is not known"]}
        ) from None
    return direction == "previous", (value, job_id)
