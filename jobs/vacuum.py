"""What keeps vacuum from its work: a transaction that somebody opened and forgot makes every claim slower, minute by minute."""

import logging
import time
from dataclasses import dataclass

from jobs import statements
from jobs.memory import Memory

log = logging.getLogger(__name__)
LONG_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 60.0


@dataclass(frozen=True)
class Forgotten:
    """An open transaction.

    Attributes:
        pid: of its server process.
        state: as pg_stat_activity has it: `idle in transaction` when nobody works in it.
        seconds: how long it has been open.
    """

    pid: int
    role: str
    application: str
    state: str
    seconds: float

    def __str__(self) -> str:
        who = f"{self.application!r}, " if self.application else ""
        return f"pid {self.pid} ({who}role {self.role}, {self.state}) has had a transaction open for {self.seconds:.0f} s"


def forgotten_transaction() -> Forgotten | None:
    """The oldest transaction that has held back vacuum in our database for a minute or more."""
    rows = statements.run("forgotten_transaction", longer_than=LONG_SECONDS)
    return Forgotten(**rows[0]) if rows else None


def name_forgotten_transaction() -> None:
    """Says in the log who holds back vacuum; looks once a minute, however often it is called."""
    if _looked.get("forgotten"):
        return
    _looked.keep("forgotten", True, until=time.monotonic() + _LOOK_EVERY_SECONDS)
    if found := forgotten_transaction():
        log.warning(
            "%s: until it ends nothing is vacuumed, and all gets slower. To end it: select pg_terminate_backend(%s)", found, found.pid
        )


_looked: Memory[str, bool] = Memory()
