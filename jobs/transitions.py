"""The door: every change of a job's status goes through here, and only here.

A set of steps is judged and made in one SQL statement (sql/items.sql to sql/rulings.sql): it locks the jobs in the order of their ids,
checks status, lease and epoch on the locked rows, updates them and writes their audit entries, or changes nothing of a job it refuses.
One job is a set of one.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from django.conf import settings

from jobs import lifecycle, policies, statements, unique_keys
from jobs.actors import Actor, Holder
from jobs.fingerprints import FAULTS_OF_THE_SWEEP
from jobs.lifecycle import Act, Status, TransitionRefused, Verb
from jobs.outcomes import Outcome
from jobs.rules import Narrowing
from jobs.times import written

if TYPE_CHECKING:
    from jobs.models import Job


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change asked for one job.

    Attributes:
        action: a verb of the lifecycle, acknowledge or edit; or hold, to be judged and to change nothing.
        epoch: of the verified lease token; None when the caller sent none.
        digest: SHA-256 in hex of the report, by which the same one is known again.
        stated_at: when the caller says it sent it.
        expected_updated_at: refuse if the job has changed since.
        force: staff cancel without waiting for the holder.
        fault: what a failure has in common with others of its kind; with the type of the job it becomes the fingerprint.
        retryable: whether trying again may help; None leaves it to the retry policy.
    """

    job_id: str
    action: str
    epoch: int | None = None
    digest: str | None = None
    stated_at: datetime | None = None
    expected_updated_at: datetime | None = None
    force: bool = False
    reason: str | None = None
    error: str | None = None
    category: str | None = None
    fault: str | None = None
    exit_code: int | None = None
    result: dict[str, Any] | None = None
    partial: bool = False
    detail: dict[str, Any] | None = None
    retryable: bool | None = None
    retry_after_seconds: int | None = None
    priority: int | None = None
    scheduled_for: datetime | None = None
    metadata: dict[str, Any] | None = None
    max_attempts: int | None = None
    timeout_seconds: int | None = None

    @classmethod
    def ending(cls, outcome: Outcome, **rest: Any) -> "Step":
        """The step that an outcome asks for."""
        return cls(
            action=outcome.verb,
            error=outcome.error,
            category=outcome.category,
            fault=outcome.fault,
            exit_code=outcome.exit_code,
            result=outcome.result,
            partial=outcome.partial,
            detail=outcome.detail,
            retryable=outcome.retryable,
            retry_after_seconds=outcome.retry_after_seconds,
            **rest,
        )

    @classmethod
    def editing(cls, changes: dict[str, Any], **rest: Any) -> "Step":
        """The step that changes columns of a queued job; its entry tells them under their names on the wire."""
        told = {on_the_wire(name): written(value) if isinstance(value, datetime) else value for name, value in changes.items()}
        return cls(action="edit", detail={"changes": told}, **changes, **rest)


class Ended(msgspec.Struct, frozen=True):
    """How a run ended."""

    status: str
    exit_code: int | None
    error: str | None
    category: str | None
    at: datetime | None


class Ruling(msgspec.Struct, frozen=True):
    """What became of a step.

    Attributes:
        verdict: `applied`, `unchanged` (already so), `replayed` (the same report again), `held` (of a hold), or why it was refused.
        act: what the word came to, e.g. `cancel_request` for a cancel of a running job.
        was: the status it was judged by.
        cause: the reason given with the step.
        job: as it is now, without payload and result; None when there is no such job. Of several steps at once it has only what tells the
            next action or explains a refusal (sql/told_briefly.sql); the rest is read when it is asked for.
        ended: the run that was reported on once more, where the job has gone on since.
        key_holder: id of the job that has the unique key, when that is why.
    """

    step_id: str
    verdict: str
    act: str | None
    was: Status | None
    cause: str | None
    job: "Job | None"
    ended: Ended | None = None
    key_holder: str | None = None

    @property
    def known_job(self) -> "Job":
        """The job, of a ruling that is not `not_found`."""
        if self.job is None:
            raise LookupError(self.step_id)
        return self.job

    @property
    def is_refused(self) -> bool:
        return self.verdict in _REFUSALS

    @property
    def is_replay(self) -> bool:
        return self.verdict in ("replayed", "unchanged")

    @property
    def next_action(self) -> str:
        """What the caller does next: `continue`, `cancel`, `abandon` or `retry`."""
        if self.job is None or self.verdict in _LOST:
            return "abandon"
        # A holder's own beginning, said twice, is `unchanged`: as a replay it is known only once that claim is over.
        if self.verdict == "replayed" and self.act in (Act.ACKNOWLEDGE, Verb.START):
            return "abandon"
        if self.act == "fail" and self.job.status == Status.QUEUED:
            return "retry"
        return "cancel" if self.job.cancel_requested_at and Status(self.job.status).is_live else "continue"

    def refusal(self, requested: str) -> TransitionRefused:
        """The error that says why nothing was changed."""
        kind, words = _REFUSALS[self.verdict]
        message = words.format(id=self.step_id, requested=requested, status=self.was or "unknown")
        if self.was is None:
            return kind(message, job_id=self.step_id)
        details = {"requested": lifecycle.TARGETS.get(requested, requested), "job": self.job, "ended": self.ended}
        if self.key_holder:
            details |= {"key": self.known_job.unique_key, "key_holder": self.key_holder}
        return kind(message, job_id=self.step_id, status=self.was, **details)


# Refusals that say that the job is the caller's no more.
_LOST = frozenset({"not_found", "not_owner", "lease_lost", "lease_expired", "already_finished"})
_REFUSALS: dict[str, tuple[type[TransitionRefused], str]] = {
    "not_found": (lifecycle.JobNotFound, "There is no job {id}."),
    "token_required": (lifecycle.LeaseTokenRequired, "Send the lease token of your claim of job {id}: as X-Lease-Token, or as leaseToken."),
    "conflict": (
        lifecycle.Conflict,
        "Job {id} has changed since you last saw it, or stands twice in the batch. Read it again, then decide.",
    ),
    "not_owner": (lifecycle.NotJobOwner, "Job {id} is not held by you (it is {status}). Stop working on it."),
    "lease_lost": (lifecycle.LeaseLost, "Your lease on job {id} belongs to an earlier claim. Stop working on it."),
    "lease_expired": (lifecycle.LeaseExpired, "Your lease on job {id} has run out. Stop working on it."),
    "already_finished": (lifecycle.AlreadyFinished, "Your run of job {id} has already been reported as ended; the first report stands."),
    "attempts_spent": (
        lifecycle.AttemptsSpent,
        "Job {id} has failed as often as that already: maxAttempts must leave it one more attempt.",
    ),
    "key_taken": (lifecycle.KeyTaken, "Job {id} can't go back to the queue: another job that has not ended has its unique key."),
    "invalid_transition": (lifecycle.InvalidTransition, "Job {id} is {status}: {requested} is not possible from there."),
}


def apply(steps: Sequence[Step], *, by: Actor) -> list[Ruling]:
    """Asks for a set of changes at once; each is judged on its own.

    Args:
        steps: in any order; a second step for the same job is refused as a conflict.
        by: who asks. A Holder may only speak of jobs it holds.

    Returns:
        A ruling for each step, in their order.
    """
    asked = msgspec.json.encode(steps).decode()
    told = "told_whole" if len(steps) == 1 else "told_briefly"

    def judged() -> list[Ruling]:
        return _rulings(statements.run("items", "judged", "door", told, "rulings", items=asked, **_standing(by)))

    # Only a retry can run into a unique key; every other step is spared the savepoint.
    return unique_keys.looking_again(judged) if any(step.action == Verb.RETRY for step in steps) else judged()


def apply_one(step: Step, *, by: Actor) -> Ruling:
    """Asks for one change.

    Raises:
        TransitionRefused: the one of its kin that says why nothing was changed.
    """
    (ruling,) = apply([step], by=by)
    if ruling.is_refused:
        raise ruling.refusal(step.action)
    return ruling


def apply_stuck(*, by: Actor, narrowing: Narrowing, limit: int, running_ended_by: str) -> list[statements.Row]:
    """Moves up to `limit` jobs on whose time is up: the sweep's way through the door.

    Args:
        running_ended_by: a time as PostgreSQL writes it; running leases that ran out later are left alone.

    Returns:
        Of each that moved: job_id, was, became, rule and reason.
    """
    parameters = narrowing.parameters(limit=limit, running_ended_by=running_ended_by)
    faults = msgspec.json.encode(FAULTS_OF_THE_SWEEP).decode()
    return statements.run("time_is_up", "stuck", "judged", "door", "swept", faults=faults, **_standing(by) | parameters)


def on_the_wire(column: str) -> str:
    """A column as the API calls it."""
    first, *more = column.split("_")
    return first + "".join(map(str.capitalize, more))


_ENDED = {"status": "ended_as", "exit_code": "ended_exit_code", "error": "ended_error", "category": "ended_category", "at": "ended_at"}


def _rulings(rows: Iterable[statements.Row]) -> list[Ruling]:
    return [
        Ruling(
            step_id=row["asked_id"],
            verdict=row["verdict"],
            act=row["act"],
            was=Status(row["was"]) if row["was"] else None,
            cause=row["cause"],
            job=statements.as_job(row) if row["id"] else None,
            ended=Ended(**{name: row[column] for name, column in _ENDED.items()}) if row["ended_as"] else None,
            key_holder=row["key_holder"],
        )
        for row in rows
    ]


def _standing(by: Actor) -> dict[str, object]:
    return {
        "actor": by.name,
        "actor_kind": by.kind,
        "request_id": by.request_id,
        "holder": isinstance(by, Holder),
        "fenced": isinstance(by, Holder) and by.fenced,
        "bound": isinstance(by, Holder) and by.bound,
        "allowed": lifecycle.permissions_of(by.kind),
        "acknowledged_lease": settings.ACKNOWLEDGED_LEASE_SECONDS,
        "heartbeat_lease": settings.HEARTBEAT_LEASE_SECONDS,
        "timeout_grace": settings.TIMEOUT_GRACE_SECONDS,
        "releases_allowed": settings.RELEASES_ALLOWED,
        "releases_within": settings.RELEASES_WITHIN_SECONDS,
        "lease_losses_allowed": settings.LEASE_LOSSES_ALLOWED,
        "lease_losses_within": settings.LEASE_LOSSES_WITHIN_SECONDS,
        "loop_fault": FAULTS_OF_THE_SWEEP["release_loop"],
        **policies.OF_FAILURES,
    }
