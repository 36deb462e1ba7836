"""Loops that run for months: they end at SIGTERM after the round they are in, and outlive a database that is away."""

import logging
import signal
import threading
from collections.abc import Callable

from django.db import Error, close_old_connections
from psycopg_pool import PoolTimeout

log = logging.getLogger(__name__)


def repeat(once: Callable[[], None], *, seconds: float, name: str) -> None:
    """Calls `once` again and again, until SIGTERM or SIGINT.

    Args:
        seconds: pause between two rounds.
        name: for the log, when a round fails because the database is away.
    """
    stopped = threading.Event()
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        while not stopped.is_set():
            try:
                once()
            except (Error, PoolTimeout) as error:
                log.warning("%s: this round failed, the next is in %s s: %s", name, seconds, error)
            finally:
                close_old_connections()
            stopped.wait(seconds)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
