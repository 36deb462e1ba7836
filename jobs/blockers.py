"""Why a job is not running: all that keeps it in the queue now, with numbers."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from jobs import statements
from jobs.lifecycle import JobNotFound, Status
from jobs.models import PauseMode
from jobs.times import in_words, read, written

# Jobs ahead are counted to here and no further.
COUNTED_TO = 1000
# So many orchestrators are told by name.
MOST_NAMED = 10
_STOPPED = {PauseMode.DRAINED: "drained", PauseMode.DISABLED: "disabled"}


class Reason(enum.StrEnum):
    """What may keep a queued job from running, in the order in which it is told."""

    NOT_DUE = "not_due"
    RETRY_WAIT = "retry_wait"
    SITE_PAUSED = "site_paused"
    TYPE_PAUSED = "type_paused"
    NO_ORCHESTRATOR = "no_orchestrator"
    LIMIT_REACHED = "limit_reached"
    JOBS_AHEAD = "jobs_ahead"


@dataclass(frozen=True)
class Blocker:
    """
    Attributes:
        message: for a person: a sentence or two, with the numbers.
        details: the same for a program, its names and times as they are on the wire.
    """

    code: Reason
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """Where a job stands.

    Attributes:
        status: only what is queued has blockers.
        at: when it was so, by the database's clock.
    """

    job_id: str
    status: str
    at: datetime
    blockers: list[Blocker]

    @property
    def is_free(self) -> bool:
        """The next claim by somebody who takes such jobs gets it."""
        return self.status == Status.QUEUED and not self.blockers

    def told(self) -> dict[str, Any]:
        """As it is on the wire."""
        told = [{"code": each.code, "message": each.message, "details": each.details} for each in self.blockers]
        return {"jobId": self.job_id, "status": self.status, "blockers": told, "asOf": written(self.at)}


def look(job_id: str) -> Standing:
    """All reasons for which a queued job is not running, as they were in one moment.

    There is none of them exactly when a claim of one job (batchSize 1) by some live orchestrator would return this one now: with the types
    and labels that it has lately claimed with, or else those on its record. Live is one that was heard of within UNROUTABLE_SECONDS and is
    neither drained nor disabled. So one job ahead is a blocker, though a larger batch would take both; that a claim finds a job locked
    by another transaction is none; and so is that a job is handed out only in a batch of its own.

    Jobs ahead are counted once the job is due: who will be before it then, nobody knows.

    Raises:
        JobNotFound: there is no such job.
    """
    rows = statements.run("blockers", job_id=job_id, live_seconds=settings.UNROUTABLE_SECONDS, counted_to=COUNTED_TO, most_named=MOST_NAMED)
    if not rows:
        raise JobNotFound(f"There is no job {job_id}.", job_id=job_id)
    (row,) = rows
    found = [blocker for tell in _TELL if row["waits"] and (blocker := tell(row))]
    return Standing(job_id, row["status"], row["at"], found)


def _not_due(row: statements.Row) -> Blocker | None:
    if not row["is_early"] or row["awaits_retry"]:
        return None
    return Blocker(Reason.NOT_DUE, f"It is not due until {_until(row)}.", {"scheduledFor": written(row["scheduled_for"])})


def _retry_wait(row: statements.Row) -> Blocker | None:
    if not row["awaits_retry"]:
        return None
    failed, most = row["attempts"], row["max_attempts"]
    return Blocker(
        Reason.RETRY_WAIT,
        f"Attempt {failed} of {most} failed; it waits for the next one until {_until(row)}.",
        {"scheduledFor": written(row["scheduled_for"]), "afterAttempt": failed, "maxAttempts": most},
    )


def _site_paused(row: statements.Row) -> Blocker | None:
    pause = row["site_pause"]
    return pause and Blocker(Reason.SITE_PAUSED, f"All claims are paused {_by_whom(pause)}.", _pause(pause))


def _type_paused(row: statements.Row) -> Blocker | None:
    pause = row["type_pause"]
    return pause and Blocker(
        Reason.TYPE_PAUSED, f"Claims of {row['type']} jobs are paused {_by_whom(pause)}.", {"type": row["type"], **_pause(pause)}
    )


def _no_orchestrator(row: statements.Row) -> Blocker | None:
    if row["takers"]:
        return None
    silent, stopped = row["silent"] or [], row["stopped"] or []
    wanted = f"{row['type']} jobs" + (f" that require {', '.join(row['labels'])}" if row["labels"] else "")
    lately = in_words(settings.UNROUTABLE_SECONDS).removesuffix(" 00s")
    sentences = [f"No orchestrator that was heard of within {lately} takes {wanted}."]
    if silent:
        sentences.append(f"The last one that did is {silent[0]['orchestrator_id']}, last heard of {_ago(silent[0], row['at'])}.")
    sentences += [f"{one['orchestrator_id']} is {_STOPPED[PauseMode(one['mode'])]} {_by_whom(one)}." for one in stopped]
    details = {
        "type": row["type"],
        "labels": row["labels"],
        "withinSeconds": settings.UNROUTABLE_SECONDS,
        "silent": [_seen(one) for one in silent],
        "stopped": [{**_seen(one), "mode": one["mode"], **_pause(one)} for one in stopped],
    }
    return Blocker(Reason.NO_ORCHESTRATOR, " ".join(sentences), details)


def _limit_reached(row: statements.Row) -> Blocker | None:
    limit, held = row["slot_limit"], int(row["held"])
    if limit is None or held < limit:
        return None
    named = {holder["orchestrator_id"]: holder["jobs"] for holder in row["holders"]}
    others = held - sum(named.values())
    by_whom = [f"{jobs} by {name}" for name, jobs in named.items()] + [f"{others} by others"] * bool(others)
    return Blocker(
        Reason.LIMIT_REACHED,
        f"{held} {row['type']} jobs are held, of which there may be {limit} at a time: {', '.join(by_whom)}.",
        {
            "type": row["type"],
            "limit": limit,
            "held": held,
            "holders": [{"orchestratorId": name, "jobs": jobs} for name, jobs in named.items()],
        },
    )


def _jobs_ahead(row: statements.Row) -> Blocker | None:
    if not row["ahead"]:
        return None
    count, has_more = min(row["ahead"], COUNTED_TO), row["ahead"] > COUNTED_TO
    are = f"{count:,}+ jobs are" if has_more else "1 job is" if count == 1 else f"{count:,} jobs are"
    message = f"{are} ahead of it for {row['ahead_for']}, which would come to it first."
    return Blocker(Reason.JOBS_AHEAD, message, {"jobs": count, "hasMore": has_more, "orchestratorId": row["ahead_for"]})


_TELL: tuple[Callable[[statements.Row], Blocker | None], ...] = (
    _not_due,
    _retry_wait,
    _site_paused,
    _type_paused,
    _no_orchestrator,
    _limit_reached,
    _jobs_ahead,
)


def _until(row: statements.Row) -> str:
    return f"{_moment(row['scheduled_for'])}, in {in_words(row['scheduled_for'] - row['at'])}"


def _by_whom(pause: Mapping[str, Any]) -> str:
    return f"by {pause['paused_by']} since {_moment(read(pause['at']))}: {pause['reason']}"


def _pause(pause: Mapping[str, Any]) -> dict[str, Any]:
    return {"by": pause["paused_by"], "since": written(read(pause["at"])), "reason": pause["reason"]}


def _seen(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"orchestratorId": one["orchestrator_id"], "lastSeenAt": written(read(one["last_seen_at"]))}


def _ago(one: Mapping[str, Any], now: datetime) -> str:
    return f"{in_words(now - read(one['last_seen_at']))} ago"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
