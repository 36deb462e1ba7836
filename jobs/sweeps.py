"""What time itself changes: lost leases, wasted claims, cancels that nobody obeyed."""

import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

from django.db import transaction

from jobs import transitions, watch
from jobs.actors import Actor
from jobs.lifecycle import Status
from jobs.scheduling import let_come_due
from jobs.watch import Brake

BATCH = 500


@dataclass(frozen=True)
class Swept:
    """One job that a sweep moved on."""

    job_id: str
    was: Status
    became: Status
    cause: str


@dataclass
class Sweep:
    """What one sweep did.

    Attributes:
        came_due: jobs whose scheduled time had come, now claimable.
        swept: in the order in which they were moved.
        brake: what kept it from ending running leases, if anything did.
        seconds: how long it took.
    """

    came_due: int = 0
    swept: list[Swept] = field(default_factory=list)
    brake: Brake | None = None
    seconds: float = 0.0


def sweep(*, by: Actor, limit: int | None = None, dry_run: bool = False, force: bool = False, again_within: float | None = None) -> Sweep:
    """Moves on every job that is stuck. Any number of sweeps at once equals one.

    While the brake holds (jobs/watch.py), or when too many running leases have run out at once, no running lease is ended; claims that
    ran out are given back and overdue cancels are forced nevertheless.

    Args:
        by: who sweeps; written into the audit entries.
        limit: at most so many jobs.
        dry_run: the same statements in one transaction that is rolled back.
        force: end running leases whatever the brake says.
        again_within: the next sweep comes within so many seconds; None promises none.
    """
    began = time.monotonic()
    done = Sweep()
    with transaction.atomic() if dry_run else nullcontext():
        watch.sign("sweeper", again_within=again_within)
        done.came_due = let_come_due()
        for ruling in _batches(by, limit, watch.judge_sweep(force=force)):
            if ruling.job and ruling.was and not ruling.is_refused:
                done.swept.append(Swept(ruling.step_id, ruling.was, Status(ruling.job.status), ruling.cause or ""))
        done.brake = None if force else watch.brake()
        if dry_run:
            transaction.set_rollback(True)
    done.seconds = time.monotonic() - began
    return done


def _batches(by: Actor, limit: int | None, running_ended_by: str) -> Iterator[transitions.Ruling]:
    left = limit if limit is not None else sys.maxsize
    while left > 0:
        batch = transitions.apply_stuck(by=by, limit=min(BATCH, left), running_ended_by=running_ended_by)
        yield from batch
        left -= len(batch)
        if len(batch) < BATCH:
            return
