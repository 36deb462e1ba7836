"""Long polls: a claim that finds nothing may wait, but never so many that other requests find no thread."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings

from orchestration_api.listening import Bell, Listener

Found = TypeVar("Found")
# A probe costs a tenth of a millisecond; ten a second answer well within the 200 ms that are promised, also where no wake-up arrives.
PROBE_SECONDS = 0.1


class LongPolls:
    """The waits of one process.

    Args:
        places: how many may wait at once.
        probe_seconds: how often they look without being woken; sooner after a wake-up that brought nothing, since what is enqueued while
            there is something to claim wakes nobody.
        listen_to: address of the database that notifies; None for the usual one.
    """

    def __init__(self, *, places: int, probe_seconds: float = PROBE_SECONDS, listen_to: str | None = None) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._probe_seconds = probe_seconds
        self._stopping = threading.Event()
        self._bell = Bell()
        self._listener = Listener(self._bell, url=listen_to)

    def wait_for(self, attempt: Callable[[], Found | None], *, seconds: float) -> tuple[Found | None, str]:
        """Waits until an attempt brings something.

        Args:
            attempt: made at once, whenever a job was enqueued, and every 100 ms, until it answers with something true. Who is woken and
                finds nothing, because another was faster, waits on.
            seconds: how long at most.

        Returns:
            What it brought, and `found`; or None, and `nothing` after that time or `busy` when as many wait as may.
        """
        if not self._places.acquire(blocking=False):
            return None, "busy"
        try:
            self._listener.start()
            until = time.monotonic() + seconds
            pause = self._probe_seconds
            while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
                heard = self._bell.rung
                if found := attempt():
                    return found, "found"
                woken = self._bell.wait(since=heard, seconds=min(pause, left))
                pause = self._probe_seconds / 10 if woken else min(2 * pause, self._probe_seconds)
            return None, "nothing"
        finally:
            self._places.release()

    def stop(self) -> None:
        """Ends every wait now: the process has been told to stop."""
        self._stopping.set()
        self._listener.stop()
        self._bell.ring()


_of_this_process = LongPolls(places=max(1, settings.WEB_THREADS // 2), listen_to=settings.LISTEN_URL)
wait_for = _of_this_process.wait_for
stop = _of_this_process.stop
