"""What is said of a type of jobs: how they are tried again, how long they may run, how many of them may be held at a time."""

import re
import time
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import Count
from psycopg.errors import LockNotAvailable

from jobs import records, statements
from jobs.actors import Actor
from jobs.failures import Category
from jobs.models import Job, JobType, Pause, PauseScope
from jobs.policies import BOUNDS
from jobs.records import SiteAct
from jobs.transitions import on_the_wire

_NAME = re.compile(r"[A-Za-z0-9._:-]{1,100}")
# For a job that somebody else has locked: so long, so often, with a pause in which claims go on.
_PATIENCE_MILLISECONDS, _TRIES, _PAUSE_SECONDS = 500, 10, 0.5


class PolicyRefused(ValueError):
    """What was said can't hold; the message says why, and `part` of what it was said."""

    def __init__(self, message: str, *, part: str) -> None:
        super().__init__(message)
        self.part = part


def configure(name: str, *, by: Actor, reason: str, **changes: Any) -> dict[str, Any]:
    """Says how jobs of a type are to be tried again, and limits how many are held. (No job of it need ever have been made.)

    New words for attempts and time hold for jobs that are made from now on; those for pauses and categories for the next failure; a limit
    for the next claim: a limit below what is held already takes nothing away, and nothing more is claimed until enough has ended.

    Args:
        name: the type.
        changes: columns of JobType and their new values; None goes back to what holds for every type.

    Returns:
        What has changed, by column; empty, and nothing is written, when all was so already.

    Raises:
        PolicyRefused: a value is out of its range, a category unknown, or the name none that a type can have.
    """
    if not _NAME.fullmatch(name):
        raise PolicyRefused(f"{name!r} can't be a type: 1 to 100 of A-Z a-z 0-9 . _ : - are needed.", part="name")
    for part, value in changes.items():
        _check(part, value)
    if changes.get("retryable_categories") is not None:
        changes["retryable_categories"] = sorted({*changes["retryable_categories"]})
    for _ in range(_TRIES - 1):
        try:
            return _configured(name, changes, by=by, reason=reason)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            time.sleep(_PAUSE_SECONDS)
    return _configured(name, changes, by=by, reason=reason)


@dataclass(frozen=True)
class Standing:
    """How things stand with a type.

    Attributes:
        held: how many of its jobs count towards its limit; 0 for a type without one.
        pause: why none of them is claimed: its own pause, else the site's.
    """

    job_type: JobType
    held: int
    pause: Pause | None

    @property
    def own_words(self) -> list[str]:
        """What was said of it, in words; empty when it is as every type."""
        said, words = self.job_type, []
        if said.max_attempts is not None:
            words.append(f"{said.max_attempts} attempts")
        if said.timeout_seconds is not None:
            words.append(f"{said.timeout_seconds} s to run")
        if said.backoff_base_seconds is not None or said.backoff_cap_seconds is not None:
            base, cap = (said.in_force(part) for part in ("backoff_base_seconds", "backoff_cap_seconds"))
            words.append(f"pauses of {base} s, doubling to {cap} s")
        if said.retryable_categories is not None:
            words.append(f"tried again on {', '.join(said.retryable_categories) or 'nothing'}")
        if said.concurrency_limit is not None:
            words.append(f"{self.held} of {said.concurrency_limit} held")
        return words


def standings() -> list[Standing]:
    """How things stand with each type, by name."""
    held = dict(Job.objects.filter(holds_slot=True).order_by().values_list("type").annotate(Count("id")))
    pauses = {pause.name: pause for pause in Pause.objects.exclude(scope=PauseScope.ORCHESTRATOR)}
    # (The name of the site's is empty.)
    return [Standing(each, held.get(each.name, 0), pauses.get(each.name) or pauses.get("")) for each in JobType.objects.order_by("name")]


def slot_holders(name: str) -> dict[str, int]:
    """How many jobs of a type with a limit each orchestrator holds, the busiest first; together they are at their limit, or below it."""
    return {row["orchestrator_id"]: row["held"] for row in statements.run("slot_holders", type=name)}


def _configured(name: str, changes: dict[str, Any], *, by: Actor, reason: str) -> dict[str, Any]:
    with transaction.atomic():
        if "concurrency_limit" in changes:
            # A claim that knows of no limit marks nothing: there must be none while the jobs that are held are counted. All claims wait
            # meanwhile, so it does not wait long for a job that somebody else has locked.
            statements.run("claims_stand_still")
            statements.run("wait_at_most", milliseconds=str(_PATIENCE_MILLISECONDS))
        job_type, _ = JobType.objects.select_for_update(no_key=True).get_or_create(name=name)
        told = {part: {"from": getattr(job_type, part), "to": value} for part, value in changes.items() if getattr(job_type, part) != value}
        if not told:
            return {}
        JobType.objects.filter(name=name).update(**{part: changes[part] for part in told})
        limit = told.get("concurrency_limit")
        if limit and None in limit.values():
            statements.run("count_slots", type=name, counts=limit["to"] is not None)
        detail = {"changes": {on_the_wire(part): change for part, change in told.items()}}
        records.record(SiteAct.CONFIGURE, subject_type="type", subject_id=name, by=by, reason=reason, detail=detail)
    return told


def _check(part: str, value: Any) -> None:
    if value is None:
        return
    if part in BOUNDS:
        least, most = BOUNDS[part]
        if not least <= value <= most:
            raise PolicyRefused(f"{value} is out of range: {least} to {most:,} is possible.", part=part)
    elif unknown := sorted({*value} - {*Category}):
        raise PolicyRefused(f"{', '.join(unknown)}: no such category. There are {', '.join(Category)}.", part=part)
