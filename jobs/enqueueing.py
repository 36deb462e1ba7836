"""New jobs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from django.apps import apps

from jobs import policies, statements, unique_keys
from jobs.actors import Actor
from jobs.ids import new_ids
from jobs.labels import as_set
from jobs.lifecycle import KeyTaken

if TYPE_CHECKING:
    from jobs.models import Job

MOST_AT_ONCE = 1000


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job asked for.

    Attributes:
        type: what it is routed by.
        payload: any JSON value.
        priority: 0 to 100, higher first.
        scheduled_for: not before; None means at once (one time for all that are enqueued together).
        max_attempts: how often it is tried; None: as its type says, or once.
        timeout_seconds: how long a run may take; None: as its type says, or an hour.
        retried_from: id of the finished job that it repeats.
        labels: what an orchestrator must have declared to get it, all of them; their order says nothing.
        unique_key: what no other job may have that has not ended; None lets there be any number.
        retry_policy: what of it is otherwise than its type says: backoffBaseSeconds, backoffCapSeconds, retryableCategories.
    """

    type: str
    payload: Any = None
    metadata: dict[str, Any] = {}
    priority: int = 50
    scheduled_for: datetime | None = None
    max_attempts: int | None = None
    timeout_seconds: int | None = None
    retried_from: str | None = None
    labels: Sequence[str] = ()
    unique_key: str | None = None
    retry_policy: dict[str, Any] | None = None


def enqueue(jobs: Sequence[NewJob], *, by: Actor, reason: str | None = None) -> "list[Job]":
    """Puts jobs into the queue, all or none.

    Returns:
        The jobs in the order given; their ids ascend.

    Raises:
        KeyTaken: a job that has not ended has one of the unique keys, or two of these have the same.
    """
    if not jobs:
        return []
    keys = [job.unique_key for job in jobs if job.unique_key is not None]
    if twice := next((key for key, count in Counter(keys).items() if count > 1), None):
        raise _key_taken(twice, None)
    named = [
        {"id": job_id, **msgspec.structs.asdict(job), "labels": as_set(job.labels) or None}
        for job_id, job in zip(new_ids(len(jobs)), jobs, strict=True)
    ]
    asked = msgspec.json.encode(named).decode()

    def made() -> list[statements.Row]:
        if keys:
            _refuse_if_taken(keys)
        open_lanes({(job["type"], tuple(job["labels"] or ())) for job in named})
        return statements.run(
            "enqueue",
            jobs=asked,
            actor=by.name,
            created_by=by.created_by,
            actor_kind=by.kind,
            request_id=by.request_id,
            reason=reason,
            **policies.OF_NEW_JOBS,
        )

    common = {**_untouched(), "created_by": by.created_by}
    return [statements.as_job({**common, **new, **row}) for new, row in zip(named, unique_keys.looking_again(made), strict=True)]


def open_lanes(routes: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Makes the lanes that are not there yet.

    Args:
        routes: type and required labels of each; the labels as `as_set` has them.
    """
    asked = [{"type": type_, "labels": labels} for type_, labels in routes]
    statements.run("open_lanes", lanes=msgspec.json.encode(asked).decode())


def _refuse_if_taken(keys: Sequence[str]) -> None:
    holders = {row["key"]: row["id"] for row in statements.run("key_holders", keys=keys)}
    if taken := next((key for key in keys if key in holders), None):
        raise _key_taken(taken, holders[taken])


@cache
def _untouched() -> statements.Row:
    """The columns of a job that nothing has happened to."""
    model: type[Job] = apps.get_model("jobs", "Job")
    return {column.attname: column.get_default() for column in model._meta.concrete_fields}


def _key_taken(key: str, holder: str | None) -> KeyTaken:
    has_it = f"Job {holder}, which has not ended, has" if holder else "Two of these jobs have"
    return KeyTaken(f"{has_it} the unique key {key!r}.", job_id=holder or "", key=key, key_holder=holder)
