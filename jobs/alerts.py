"""What is told and not changed: orchestrators that hold jobs and are silent, jobs that nobody takes."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from jobs import fleet, statements, times
from jobs.fleet import Unroutable
from jobs.rules import TELLING

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alert:
    """
    Attributes:
        rule: by which it was found.
        subject: the orchestrator, or the type of the jobs and the labels they require.
        jobs: how many it is about.
        since: when it began.
        message: a sentence without its full stop.
    """

    rule: str
    subject: str
    jobs: int
    since: datetime
    message: str


def alerts(rules: Sequence[str] = TELLING) -> list[Alert]:
    """What there is to tell now.

    Args:
        rules: names; those that change jobs are passed over.
    """
    return [alert for name, look in _LOOKS.items() if name in rules for alert in look()]


class Watchman:
    """Looks again and again, and says in the log what has begun and what is over."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Alert] = {}

    def look(self) -> None:
        now = {(alert.rule, alert.subject): alert for alert in alerts()}
        for key in now.keys() - self._known.keys():
            log.warning("%s: %s.", key[0], now[key].message)
        for key in self._known.keys() - now.keys():
            log.warning("%s is over: %s.", *key)
        self._known = now


def _offline() -> list[Alert]:
    return [
        Alert(
            "orchestrator_offline",
            row["orchestrator_id"],
            row["jobs"],
            row["last_seen_at"],
            f"{row['orchestrator_id']} was last heard of at {times.written(row['last_seen_at'])}, and holds {row['jobs']} jobs "
            "under leases that have not run out",
        )
        for row in statements.run("offline", seconds=settings.OFFLINE_SECONDS)
    ]


def _unroutable() -> list[Alert]:
    return [_nobody_takes(jobs) for jobs in fleet.unroutable()]


def _nobody_takes(jobs: Unroutable) -> Alert:
    subject = f"type {jobs.type}" + (f", labels {', '.join(jobs.labels)}" if jobs.labels else "")
    many = f"{jobs.jobs:,} or more" if jobs.jobs == fleet.COUNTED_TO else f"{jobs.jobs:,}"
    taker = jobs.last_taker
    last = f"the last that did, {taker.orchestrator_id}, was heard of at {times.written(taker.last_seen_at)}" if taker else "none ever did"
    message = f"no live orchestrator takes {subject}: {many} jobs wait since {times.written(jobs.since)}; {last}"
    return Alert("unroutable", subject, jobs.jobs, jobs.since, message)


_LOOKS: dict[str, Callable[[], list[Alert]]] = {"orchestrator_offline": _offline, "unroutable": _unroutable}
