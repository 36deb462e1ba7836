"""Long polls: a claim that finds nothing may wait, but never so many that other requests find no thread."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings

Found = TypeVar("Found")
# A probe costs a tenth of a millisecond; five a second answer well within the 200 ms that are promised.
PROBE_SECONDS = 0.1
_places = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 2))
_stopping = threading.Event()


def wait_for(attempt: Callable[[], Found | None], *, seconds: float) -> tuple[Found | None, str]:
    """Waits until an attempt brings something.

    Args:
        attempt: made every 100 ms, until it answers with something true.
        seconds: how long at most.

    Returns:
        What it brought, and `found`; or None, and `nothing` after that time or `busy` when half of the server's threads already wait.
    """
    if not _places.acquire(blocking=False):
        return None, "busy"
    try:
        until = time.monotonic() + seconds
        while not _stopping.is_set() and (left := until - time.monotonic()) > 0:
            if found := attempt():
                return found, "found"
            _stopping.wait(min(PROBE_SECONDS, left))
        return None, "nothing"
    finally:
        _places.release()


def stop() -> None:
    """Ends every wait of this process now: it has been told to stop."""
    _stopping.set()
