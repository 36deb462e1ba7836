"""New jobs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from jobs import statements
from jobs.actors import Actor
from jobs.ids import new_ids

if TYPE_CHECKING:
    from jobs.models import Job

MOST_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job asked for.

    Attributes:
        type: what it is routed by.
        payload: any JSON value.
        priority: 0 to 100, higher first.
        scheduled_for: not before; None means at once (one time for all that are enqueued together).
        timeout_seconds: how long a run may take.
        retried_from: id of the finished job that it repeats.
    """

    type: str
    payload: Any = None
    metadata: dict[str, Any] = field(default_factory=dict)
    priority: int = 50
    scheduled_for: datetime | None = None
    max_attempts: int = 1
    timeout_seconds: int = 3600
    retried_from: str | None = None


def enqueue(jobs: Sequence[NewJob], *, by: Actor, reason: str | None = None) -> "list[Job]":
    """Puts jobs into the queue, all or none.

    Returns:
        The jobs in the order given; their ids ascend.
    """
    if not jobs:
        return []
    asked = [{"id": job_id, **vars(job)} for job_id, job in zip(new_ids(len(jobs)), jobs, strict=True)]
    with transaction.atomic():
        statements.run("open_lanes", types=sorted({job.type for job in jobs}))
        rows = statements.run(
            "enqueue",
            jobs=json.dumps(asked, default=datetime.isoformat),
            actor=by.name,
            created_by=by.created_by,
            actor_kind=by.kind,
            request_id=by.request_id,
            reason=reason,
        )
    return [statements.as_job(row) for row in rows]
