"""Pairs of changes that meet on one job, and what may come of each pair."""

from collections.abc import Callable
from dataclasses import dataclass

from jobs.actors import Actor, Holder
from jobs.claiming import claim
from jobs.lifecycle import TransitionRefused
from jobs.models import Job
from jobs.outcomes import Report
from jobs.sweeps import sweep
from tests.factories import HOLDER, OTHER, PRODUCER, STAFF

Change = Callable[[Job], str]
# What the left one was told, what the right one was told, and the status afterwards.
Outcome = tuple[str, str, str]


@dataclass(frozen=True)
class Duel:
    """
    Attributes:
        status: of the job that both change.
        outcomes: one for each order in which they may come.
        skips_locked: one of them passes over a row that the other holds, instead of waiting.
        expired: the lease has run out.
    """

    status: str
    left: Change
    right: Change
    outcomes: frozenset[Outcome]
    skips_locked: bool = False
    expired: bool = False


def _verb(call: Callable[[Job], object]) -> Change:
    def change(job: Job) -> str:
        try:
            call(Job.objects.get(id=job.id))
        except TransitionRefused as refusal:
            return type(refusal).__name__
        return "done"

    return change


def _claim(by: Holder) -> Change:
    return lambda job: "done" if claim(by=by, batch_size=10, job_types=[job.type]).jobs else "nothing"


def _sweep(job: Job) -> str:
    # Others of the same test may be stuck by now, too.
    return "done" if any(swept.job_id == job.id for swept in sweep(by=Actor.sweep()).swept) else "nothing"


_complete = _verb(lambda job: job.complete(Report(exit_code=0), by=HOLDER, epoch=1))
_fail = _verb(lambda job: job.fail(Report(error="it broke"), by=HOLDER, epoch=1))
_start = _verb(lambda job: job.start(by=HOLDER, epoch=1))
_release = _verb(lambda job: job.release(by=HOLDER, epoch=1))
_take_back = _verb(lambda job: job.release(by=STAFF))
_cancel = _verb(lambda job: job.cancel(by=PRODUCER))
_force_cancel = _verb(lambda job: job.cancel(by=STAFF, force=True))
_retry = _verb(lambda job: job.retry(by=STAFF))
_edit = _verb(lambda job: job.edit(by=PRODUCER, priority=90))


def _either(winner: str, loser: str, status: str) -> frozenset[Outcome]:
    return frozenset({(winner, loser, status), (loser, winner, status)})


DUELS = {
    "two completions": Duel("running", _complete, _complete, _either("done", "AlreadyFinished", "completed")),
    "completion and failure": Duel(
        "running", _complete, _fail, frozenset({("done", "AlreadyFinished", "completed"), ("AlreadyFinished", "done", "failed")})
    ),
    "completion and release": Duel(
        "running", _complete, _release, frozenset({("done", "AlreadyFinished", "completed"), ("LeaseLost", "done", "queued")})
    ),
    "completion and release by staff": Duel(
        "running", _complete, _take_back, frozenset({("done", "InvalidTransition", "completed"), ("LeaseLost", "done", "queued")})
    ),
    "completion and forced cancel": Duel(
        "running", _complete, _force_cancel, frozenset({("done", "InvalidTransition", "completed"), ("LeaseLost", "done", "cancelled")})
    ),
    "completion and wish to cancel": Duel(
        "running", _complete, _cancel, frozenset({("done", "InvalidTransition", "completed"), ("done", "done", "completed")})
    ),
    "start and forced cancel": Duel(
        "claimed", _start, _force_cancel, frozenset({("done", "done", "cancelled"), ("LeaseLost", "done", "cancelled")})
    ),
    "start and release by staff": Duel(
        "claimed", _start, _take_back, frozenset({("done", "done", "queued"), ("LeaseLost", "done", "queued")})
    ),
    "two starts": Duel("claimed", _start, _start, frozenset({("done", "done", "running")})),
    "two retries": Duel("failed", _retry, _retry, _either("done", "InvalidTransition", "queued")),
    "two cancels": Duel("queued", _cancel, _cancel, _either("done", "InvalidTransition", "cancelled")),
    "edit and cancel": Duel(
        "queued", _edit, _cancel, frozenset({("done", "done", "cancelled"), ("InvalidTransition", "done", "cancelled")})
    ),
    "two claims": Duel("queued", _claim(HOLDER), _claim(OTHER), _either("done", "nothing", "claimed"), skips_locked=True),
    "claim and cancel": Duel(
        "queued", _claim(OTHER), _cancel, frozenset({("done", "done", "claimed"), ("nothing", "done", "cancelled")}), skips_locked=True
    ),
    "claim and edit": Duel(
        "queued",
        _claim(OTHER),
        _edit,
        frozenset({("done", "InvalidTransition", "claimed"), ("done", "done", "claimed"), ("nothing", "done", "queued")}),
        skips_locked=True,
    ),
    "late completion and sweep": Duel(
        "running",
        _complete,
        _sweep,
        frozenset({("LeaseExpired", "done", "failed"), ("LeaseExpired", "nothing", "running"), ("LeaseLost", "done", "failed")}),
        skips_locked=True,
        expired=True,
    ),
}
