"""File locks that the kernel lets go when their holder dies, however it dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobsite.embedded_postgres.errors import EmbeddedPostgresError

_EXCLUSIVE_WITHIN_SECONDS = 90.0


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock alone while the block runs; wait for others, though not for ever.

    Raises:
        EmbeddedPostgresError: the file can't be opened, or another process keeps the lock.
    """
    descriptor = _opened(path)
    try:
        deadline = time.monotonic() + _EXCLUSIVE_WITHIN_SECONDS
        while not _taken(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"Another process has been starting or stopping PostgreSQL for {_EXCLUSIVE_WITHIN_SECONDS:.0f} s ({path})."
                )
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


class SharedHold:
    """Says "I rely on this" for as long as it is held; others can see whether anybody does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> None:
        if self._descriptor is None:
            self._descriptor = _opened(self._path)
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def others(self) -> bool:
        """Whether another process or object holds it too. Ours is kept."""
        descriptor = _opened(self._path)
        try:
            if self._descriptor is not None:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            free = _taken(descriptor, fcntl.LOCK_EX)
        finally:
            os.close(descriptor)
            if self._descriptor is not None:
                fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        return not free

    def let_go(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise EmbeddedPostgresError(f"JOBSITE_DATA_DIR: {path} can't be written: {error.strerror}.") from None


def _taken(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
