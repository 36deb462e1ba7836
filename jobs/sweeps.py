"""What time itself changes: the stuck jobs, by the rules of jobs/rules.py, moved on by whoever sweeps."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from jobs import statements, sweep_runs, transitions, watch
from jobs.actors import Actor
from jobs.alerts import Alert, alerts
from jobs.lifecycle import Status
from jobs.rules import EVERYTHING, Narrowing
from jobs.scheduling import count_coming_due, let_come_due
from jobs.sweep_runs import ByHand
from jobs.watch import Brake

BATCH = 500
MOST_IN_A_BATCH = 5000


@dataclass(frozen=True)
class Swept:
    """One job that a sweep moved on.

    Attributes:
        rule: by which it was stuck.
        reason: what the audit log says of it.
    """

    job_id: str
    was: Status
    became: Status
    rule: str
    reason: str


@dataclass(frozen=True)
class Stuck:
    """The jobs that are stuck by one rule.

    Attributes:
        since: when the lease or the grace of the first of them was over.
    """

    jobs: int
    since: datetime


@dataclass
class Sweep:
    """What one sweep did.

    Attributes:
        came_due: jobs whose scheduled time had come, now claimable.
        swept: in the order in which they were moved.
        alerts: what the rules that only tell have found.
        brake: what kept it from ending running leases, if anything did.
        seconds: how long it took.
    """

    came_due: int = 0
    swept: list[Swept] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    brake: Brake | None = None
    seconds: float = 0.0

    @property
    def found(self) -> Counter[str]:
        """How many jobs by each rule."""
        return sum((Counter({alert.rule: alert.jobs}) for alert in self.alerts), Counter(one.rule for one in self.swept))


def sweep(
    *,
    by: Actor,
    narrowing: Narrowing = EVERYTHING,
    limit: int | None = None,
    batch_size: int = BATCH,
    dry_run: bool = False,
    force: bool = False,
    again_within: float | None = None,
    by_hand: ByHand | None = None,
    is_told_to_stop: Callable[[], bool] = lambda: False,
) -> Sweep:
    """Moves on every job that is stuck. Any number of sweeps at once equals one.

    While the brake holds (jobs/watch.py), or when too many running leases have run out at once, no running lease is ended; claims that
    ran out are given back and overdue cancels are forced nevertheless.

    Args:
        by: who sweeps; written into the audit entries of the jobs.
        narrowing: which of the stuck jobs.
        limit: at most so many jobs.
        batch_size: so many in one transaction, 1 to MOST_IN_A_BATCH.
        dry_run: tell what it would do; gives no sign of life, and locks no job.
        force: end running leases whatever the brake says.
        again_within: the next sweep comes within so many seconds; None promises none.
        by_hand: who wants it, and why; None for a loop.
        is_told_to_stop: asked after each batch.
    """
    began = time.monotonic()
    if dry_run:
        done = _foretold(by=by, narrowing=narrowing, limit=limit, force=force)
    else:
        watch.sign("sweeper", again_within=again_within)
        done = Sweep(came_due=let_come_due())
        move = partial(transitions.apply_stuck, by=by, narrowing=narrowing, running_ended_by=watch.judge_sweep(force=force))
        sign_again = partial(watch.sign_again, "sweeper", again_within=again_within)
        done.swept += _moved(move, limit=limit, batch_size=batch_size, sign_again=sign_again, is_told_to_stop=is_told_to_stop)
        done.brake = None if force else watch.brake()
    # A loop looks for them more seldom (jobs/alerts.py).
    done.alerts = alerts(narrowing) if by_hand else []
    done.seconds = time.monotonic() - began
    sweep_runs.note(done.found, narrowing=narrowing, seconds=done.seconds, dry_run=dry_run, brake=done.brake, by=by, by_hand=by_hand)
    return done


def stuck(narrowing: Narrowing = EVERYTHING) -> dict[str, Stuck]:
    """How many jobs are stuck by each rule that changes any, those included that the brake keeps; changes and locks nothing."""
    rows = statements.run("time_is_up", "stuck_counts", **narrowing.parameters())
    return {row["rule"]: Stuck(row["jobs"], row["since"]) for row in rows}


def preview(*, brake: Brake | None, most: int) -> list[Swept]:
    """What a sweep would move now; changes and locks nothing, and so judges nothing new: not whether too many leases ran out at once.

    Args:
        brake: while it holds, no running lease is ended.
        most: jobs, from the first; a sweep takes all.
    """
    until = "-infinity" if brake else "infinity"
    return _swept(transitions.foretell_stuck(by=Actor.sweep(), narrowing=EVERYTHING, limit=most, running_ended_by=until))


def _foretold(*, by: Actor, narrowing: Narrowing, limit: int | None, force: bool) -> Sweep:
    ends_by, brake = watch.foretell_sweep(force=force)
    swept = _swept(transitions.foretell_stuck(by=by, narrowing=narrowing, limit=limit, running_ended_by=ends_by))
    if brake:
        # Counted before any of them is gone.
        brake = replace(brake, kept=brake.kept - sum(one.rule in ("lease_lost", "timeout") and one.was == Status.RUNNING for one in swept))
    return Sweep(came_due=count_coming_due(), swept=swept, brake=brake)


def _moved(
    move: Callable[..., list[statements.Row]],
    *,
    limit: int | None,
    batch_size: int,
    sign_again: Callable[[], None],
    is_told_to_stop: Callable[[], bool],
) -> Iterator[Swept]:
    left = limit if limit is not None else sys.maxsize
    while left > 0:
        size = min(batch_size, left)
        batch = move(limit=size)
        yield from _swept(batch)
        left -= size
        if len(batch) < size or is_told_to_stop():
            return
        sign_again()


def _swept(rows: list[statements.Row]) -> list[Swept]:
    return [Swept(row["job_id"], Status(row["was"]), Status(row["became"]), row["rule"], row["reason"]) for row in rows]
