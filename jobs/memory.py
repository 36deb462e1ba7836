"""What a server process remembers for a while, so that it need not ask the database each time."""

import time
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")
# Beyond that many it forgets all: whoever makes up keys can't fill the memory with them.
MOST = 10_000


class Memory(Generic[Key, Value]):
    """Values by key, each until a time. Any number of threads may use it: every access is one step of a dict."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._kept: dict[Key, tuple[Value, float]] = {}

    def get(self, key: Key) -> Value | None:
        """What is remembered under a key; None when that is nothing, or over."""
        kept = self._kept.get(key)
        return kept[0] if kept and time.monotonic() < kept[1] else None

    def keep(self, key: Key, value: Value, *, until: float) -> None:
        """Remembers a value.

        Args:
            until: in seconds of `time.monotonic`.
        """
        if len(self._kept) >= self._most:
            self._kept.clear()
        self._kept[key] = value, until

    def forget(self) -> None:
        """All of it."""
        self._kept.clear()
