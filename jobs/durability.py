"""Whether what was committed is where it must be: PostgreSQL may say "committed" before its synchronous standby has confirmed the copy.

When the wait for the standby is cancelled (by pg_cancel_backend, or a shutdown), the commit succeeds nevertheless, with a warning: psycopg
raises nothing. After a failover the change may be missing, so nobody may be told that it was made.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from psycopg.errors import Diagnostic

from jobs import statements

log = logging.getLogger(__name__)


@dataclass
class Doubt:
    """
    Attributes:
        is_there: something was committed whose copy is not confirmed.
    """

    is_there: bool = False


_current: ContextVar[Doubt | None] = ContextVar("doubt", default=None)


@contextmanager
def watched() -> Iterator[Doubt]:
    """What is committed inside is watched."""
    doubt = Doubt()
    token = _current.set(doubt)
    try:
        yield doubt
    finally:
        _current.reset(token)


def confirm() -> None:
    """For an answer from what was committed before, and without a change of its own: it must be as certain as the first one had to be."""
    statements.run("confirm")


def hear(notice: Diagnostic) -> None:
    """A notice handler of psycopg, for every connection."""
    if not _is_of_cancelled_wait(notice):
        return
    log.warning("a change was committed here, but the synchronous standby has not confirmed its copy: %s", notice.message_primary)
    if doubt := _current.get():
        doubt.is_there = True


def _is_of_cancelled_wait(notice: Diagnostic) -> bool:
    # The function's name is in no language, unlike the words; those are for servers and poolers that don't pass it on.
    words = notice.message_primary or ""
    return notice.source_function == "SyncRepWaitForLSN" or (words.startswith("canceling") and "synchronous replication" in words)
