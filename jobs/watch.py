"""The watch over jobsite itself: an outage of ours must not fail the fleet's work.

The sweep's loops and the web server say that they are alive, and when they will say so again. While one of them is overdue, and for one
lease period after it (or the database under it) was away, the brake holds: no sweep ends a running lease, and the token of a job's current
claim stays good although its lease has run out. A sweep that would end too many running leases at once engages it, too: that looks like
an outage nobody has told us of.
"""

import logging
import math
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

from django.conf import settings
from django.db import transaction

from jobs import statements, times
from jobs.loops import repeat_until

log = logging.getLogger(__name__)

Role = Literal["sweeper", "web"]
# A sweep may end so many running leases, or a third of all, whichever is more.
MOST_ENDED_AT_ONCE = 10
_NAMES: dict[str, str] = {"sweeper": "the sweeper", "web": "the web server"}
_LEAST_PROMISE_SECONDS = 2.0
_stopped = threading.Event()
# By the monotonic clock, when this process gave each sign last.
_signed: dict[Role, float] = {}


@dataclass(frozen=True)
class Brake:
    """
    Attributes:
        reason: why it holds, as a sentence without its full stop.
        since: when it was engaged, or since when somebody is overdue.
        until: None while somebody is still away; then a lease period follows.
        kept: how many running leases have run out and are not ended.
    """

    reason: str
    since: datetime
    until: datetime | None
    kept: int


def brake() -> Brake | None:
    """The brake, while it holds."""
    for row in statements.run("brake_state"):
        reason = f"{_NAMES[row['overdue']]} is away" if row["overdue"] else row["reason"]
        return Brake(reason=reason, since=row["since"], until=row["until"], kept=row["kept"])
    return None


def sign(role: Role, *, again_within: float | None = None) -> None:
    """Says that a role is alive; engages the brake when that comes later than was promised.

    Args:
        again_within: the next sign comes within so many seconds. None, for what runs once and promises nothing: a broken promise is
            answered for, and taken back.
    """
    now = time.monotonic()
    rows = statements.run(
        "sign_of_life",
        role=role,
        within=again_within,
        lease=settings.HEARTBEAT_LEASE_SECONDS,
        reason=f"{_NAMES[role]}, or the database, was away",
    )
    _signed[role] = now
    if any(row["engages"] for row in rows):
        _tell(rows[0]["brake_reason"], rows[0]["brake_until"])
    if any(row["is_over"] for row in rows):
        transaction.on_commit(partial(log.warning, "The brake is over: sweeps end running leases again."))


def sign_again(role: Role, *, again_within: float | None) -> None:
    """The next sign in the midst of long work: given when a third of what was promised has passed, so that it can be asked for often."""
    if again_within is not None and time.monotonic() - _signed.get(role, -math.inf) > again_within / 3:
        sign(role, again_within=again_within)


def judge_sweep(*, force: bool) -> str:
    """Engages the brake when too many running leases have run out at once.

    Args:
        force: end them nevertheless, and whatever the brake says.

    Returns:
        For `transitions.apply_stuck`: the time up to which running leases must have run out for this sweep to end them.
    """
    (row,) = statements.run(
        "brake",
        force=force,
        most=MOST_ENDED_AT_ONCE,
        lease=settings.HEARTBEAT_LEASE_SECONDS,
        cancel_grace=settings.CANCEL_GRACE_SECONDS,
    )
    if row["brake_until"]:
        _tell(row["brake_reason"], row["brake_until"])
    return str(row["ends_by"])


def foretell_sweep(*, force: bool) -> tuple[str, Brake | None]:
    """What `judge_sweep` would return now, and the brake that would hold then; engages none."""
    with transaction.atomic():
        ends_by, holds = judge_sweep(force=force), None if force else brake()
        # At once: whoever gives a sign of life waits for the row.
        transaction.set_rollback(True)
    return ends_by, holds


def promise(seconds: float = 0.0) -> float:
    """Within how many seconds a sign will come from something that comes by every so many: long enough not to cry wolf on a busy machine,
    short enough to be missed before the fleet's leases run out."""
    return max(settings.HEARTBEAT_LEASE_SECONDS / 3, 3 * seconds, _LEAST_PROMISE_SECONDS)


def start_signing() -> None:
    """Lets this process of the web server say that it is alive, in a thread of its own, until `stop_signing`."""
    threading.Thread(target=_keep_signing, name="sign-of-life", daemon=True).start()


def stop_signing() -> None:
    _stopped.set()


def _keep_signing() -> None:
    pause = promise() / 4
    repeat_until(_stopped, partial(sign, "web", again_within=promise(pause)), seconds=pause, name="sign of life")


def _tell(reason: str, until: datetime) -> None:
    # A dry run engages nothing.
    words = "The brake holds until %s: %s. No sweep ends a running lease meanwhile."
    transaction.on_commit(partial(log.warning, words, times.written(until), reason))
