"""Pages of jobs, in the orders that the wire knows, no larger than an answer may be."""

from typing import Any

from django.db.models import QuerySet

from jobs.ids import is_id
from jobs.models import Job
from jobs.paging import Column, Page, Paging, WrongPage, moment, whole
from orchestration_api.exceptions import WireError
from orchestration_api.renderers import encoded, most_bytes
from orchestration_api.representations import LONGEST_ERROR

# The other columns of a job, generously.
_AROUND_A_JOB = 2000


def _job_id(value: Any) -> str:
    if not isinstance(value, str) or not is_id(value):
        raise ValueError("not the id of a job")
    return value


PAGING = Paging(
    {
        "createdAt": Column("created_at", moment),
        "updatedAt": Column("updated_at", moment),
        # What has not ended stands last, both ways.
        "completedAt": Column("completed_at", moment, may_be_null=True),
        "priority": Column("priority", whole(0, 100)),
    },
    tie=Column("id", _job_id),
)
ORDERINGS = PAGING.columns


def page_of(jobs: "QuerySet[Job]", *, ordering: str, cursor: str | None, size: int) -> Page[Job]:
    """One page; it ends early where an answer would grow too large.

    Args:
        ordering: a word of ORDERINGS, with `-` for descending; ties are broken by id. By completedAt, what has not ended comes last.
        cursor: from an earlier page with the same ordering.

    Raises:
        WireError: the ordering or the cursor is none of ours.
    """
    try:
        return PAGING.page_of(jobs, ordering=ordering, cursor=cursor, size=size, fitting=_fitting)
    except WrongPage as wrong:
        raise WireError("VALIDATION_INVALID_PARAMS", str(wrong), fields={wrong.parameter: [wrong.fault]}) from None


def _fitting(jobs: list[Job]) -> list[Job]:
    """As many as an answer has room for; the first always."""
    room = most_bytes()
    for place, job in enumerate(jobs):
        room -= len(encoded([(job.last_error or "")[:LONGEST_ERROR], job.metadata])) + _AROUND_A_JOB
        if place and room < 0:
            return jobs[:place]
    return jobs
