"""The wake-up of long polls: a bell, and one thread a process that rings it when PostgreSQL notifies of a job that was enqueued.

Only a wake-up, never the truth: who is woken looks for himself, and who is not looks every 100 ms anyway. So nothing is lost while the
listener is away, or where notifications can't arrive, as behind a pooler that shares connections between transactions.
"""

import logging
import threading
from typing import Any

import psycopg
from django.db import connection

log = logging.getLogger(__name__)
# Notified by jobs/sql/enqueue.sql.
CHANNEL = "jobs_due"
# How long a listener takes to notice that it is to stop.
_LOOK_UP_SECONDS = 0.5
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 10.0
# A network that swallows packets is noticed within a minute.
_KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


class Bell:
    """Wakes every thread that waits for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rung = 0

    @property
    def rung(self) -> int:
        """How often it has been rung: what `wait` is told, so that no ring between two waits is missed."""
        return self._rung

    def ring(self) -> None:
        with self._changed:
            self._rung += 1
            self._changed.notify_all()

    def wait(self, *, since: int, seconds: float) -> bool:
        """Waits until it has been rung oftener than `since`, at most so long; whether it has been."""
        with self._changed:
            return self._changed.wait_for(lambda: self._rung > since, seconds)


class Listener:
    """Rings a bell for each notification, over a connection of its own that is not of the pool.

    Args:
        url: of the database to listen to; None for the one that everything else uses.
    """

    def __init__(self, bell: Bell, *, url: str | None = None) -> None:
        self._bell = bell
        self._url = url
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to listen, unless it does already. (Not when the process starts: threads don't survive a fork.)"""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Ends it soon, without waiting."""
        self._stopping.set()

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            try:
                with self._connected() as listening:
                    listening.execute(f"LISTEN {CHANNEL}")
                    pause = _FIRST_PAUSE_SECONDS
                    # What came while nobody listened.
                    self._bell.ring()
                    while not self._stopping.is_set():
                        for _ in listening.notifies(timeout=_LOOK_UP_SECONDS, stop_after=1):
                            self._bell.ring()
            except psycopg.Error as error:
                if self._stopping.is_set():
                    return
                log.warning("no wake-ups, long polls look every 100 ms; next try in %.1f s: %s", pause, str(error).strip())
                self._stopping.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _connected(self) -> psycopg.Connection[Any]:
        where: dict[str, Any] = {"conninfo": self._url} if self._url else connection.get_connection_params()
        return psycopg.connect(**{**_KEEPALIVES, **where, "application_name": "jobsite listener", "autocommit": True})
