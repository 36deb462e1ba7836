"""Loops that run for months: they end, when told, after the round they are in, and outlive whatever one round meets."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import Error, close_old_connections
from psycopg_pool import PoolTimeout

log = logging.getLogger(__name__)
# That of the loop that this process runs, if it is one.
_stopped: threading.Event | None = None


def is_told_to_stop() -> bool:
    """Whether the loop that this process runs is to end: whoever waits for what may never come asks this, too."""
    return _stopped is not None and _stopped.is_set()


@contextmanager
def until_told() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set, instead of ending the process."""
    global _stopped
    stopped = _stopped = threading.Event()
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _stopped = None


def repeat_until(stopped: threading.Event, once: Callable[[], object], *, seconds: float, name: str) -> None:
    """Calls `once` again and again, until it is told.

    Args:
        stopped: set by whoever tells; looked at between two rounds.
        once: one round; it returns True when the next has something to do at once.
        seconds: pause between two rounds, otherwise.
        name: for the log, when a round fails.
    """
    while not stopped.is_set():
        more: object = False
        try:
            more = once()
        except (Error, PoolTimeout) as error:
            log.warning("%s: this round failed, the next is in %s s: %s", name, seconds, error)
        except Exception:
            # A fault of ours: told whole, and no reason to leave everything else undone from now on.
            log.exception("%s: this round failed, the next is in %s s", name, seconds)
        finally:
            close_old_connections()
        if more is not True:
            stopped.wait(seconds)
