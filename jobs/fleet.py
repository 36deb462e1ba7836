"""The orchestrators as a whole: who takes what, whose jobs nobody takes, who uses one id twice, and whose claims are taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from jobs import records, statements
from jobs.actors import Actor
from jobs.lifecycle import Status, Verb
from jobs.models import Job, Orchestrator
from jobs.records import SiteAct
from jobs.transitions import Step, apply

# The jobs of a lane are counted to here and no further.
COUNTED_TO = 1000
_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Taker:
    """An orchestrator that takes certain jobs, and when it was last heard of."""

    orchestrator_id: str
    last_seen_at: datetime


@dataclass(frozen=True, kw_only=True)
class Unroutable:
    """Queued jobs of one type and set of required labels that nobody takes.

    Attributes:
        jobs: how many, counted to COUNTED_TO.
        since: when the first of them came due.
        last_taker: who took such jobs last; None when nobody ever did who is not stopped.
    """

    type: str
    labels: list[str]
    jobs: int
    since: datetime
    last_taker: Taker | None


def last_taker(job: Job) -> Taker | None:
    """Of the orchestrators that take such a job and are not stopped, the one last heard of.

    What an orchestrator takes is what it lately claimed with, or else what its heartbeats said (`takers`, in the database). Whether that
    one is still alive is for the caller to judge.
    """
    return _taker(statements.run("last_taker", lane_id=job.lane_id))


def unroutable() -> list[Unroutable]:
    """Jobs that have been due for UNROUTABLE_SECONDS, while no orchestrator heard of in that time takes them; the longest waiting first.

    What is paused, the site or a type, is left out: it is not meant to be taken.
    """
    rows = statements.run("unroutable", seconds=settings.UNROUTABLE_SECONDS, counted_to=COUNTED_TO)
    return [
        Unroutable(type=row["type"], labels=row["labels"], jobs=row["jobs"], since=row["since"], last_taker=_taker([row])) for row in rows
    ]


def doubles() -> QuerySet[Orchestrator]:
    """Ids that two processes use at once, told by heartbeats that come from two places in turns (`double_places`)."""
    return Orchestrator.objects.filter(double_at__gt=Now() - _seen_anew_within()).order_by("id")


def is_double(orchestrator: Orchestrator) -> bool:
    """Whether two processes use this id at once."""
    return orchestrator.double_at is not None and orchestrator.double_at > timezone.now() - _seen_anew_within()


def take_back(orchestrator_id: str, *, by: Actor, reason: str) -> int:
    """Gives the jobs that an orchestrator has claimed and not started to others; what runs is left alone.

    It may claim them again unless it is drained or disabled before. One whose cancel is pending is cancelled.

    Returns:
        How many jobs it was.
    """
    held = Job.objects.held_by(orchestrator_id)
    # Not what it claims from now on: that could go on for ever.
    until = held.aggregate(newest=Max("claimed_at"))["newest"]
    if until is None:
        return 0
    claimed = held.filter(status=Status.CLAIMED, claimed_at__lte=until).order_by("id")
    taken = 0
    while seen := list(claimed.values_list("id", "updated_at")[:_BATCH]):
        taken += _release(orchestrator_id, seen, by=by, reason=reason)
    return taken


def _release(orchestrator_id: str, seen: Sequence[tuple[str, datetime]], *, by: Actor, reason: str) -> int:
    """Releases the jobs that are still as they were seen: one that was started, or is another's by now, has another `updated_at`."""
    steps = [Step(job_id=job_id, action=Verb.RELEASE, reason=reason, expected_updated_at=moment) for job_id, moment in seen]
    with transaction.atomic():
        released = sum(not ruling.is_refused for ruling in apply(steps, by=by))
        if released:
            detail = {"jobs": released}
            records.record(SiteAct.TAKE_BACK, subject_type="orchestrator", subject_id=orchestrator_id, by=by, reason=reason, detail=detail)
    return released


def _seen_anew_within() -> timedelta:
    """Each turn of the two shows it anew, and a turn takes no longer than a lease; twice as long says that it is over."""
    return timedelta(seconds=2 * settings.HEARTBEAT_LEASE_SECONDS)


def _taker(rows: list[statements.Row]) -> Taker | None:
    return next(
        (Taker(orchestrator_id=row["orchestrator_id"], last_seen_at=row["last_seen_at"]) for row in rows if row["last_seen_at"]), None
    )
