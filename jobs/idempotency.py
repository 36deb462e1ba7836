"""Answers kept under the key that a caller chose, so that a call whose answer was lost can be sent again and does its work once."""

from dataclasses import dataclass

from jobs import statements

KEPT_FOR_SECONDS = 24 * 3600
# An answer may be megabytes.
_BATCH = 100


@dataclass(frozen=True, kw_only=True)
class Answered:
    """
    Attributes:
        digest: SHA-256 of what was asked.
        status: the HTTP status that was answered.
        answer: the body, byte for byte.
    """

    digest: bytes
    status: int
    answer: bytes


def begin(owner: str, key: str) -> Answered | None:
    """Waits until nobody else works under this key, and keeps others waiting until the transaction ends. Called inside one.

    Args:
        owner: the caller whose key it is.

    Returns:
        What was answered under the key within the last 24 hours; None for a call that is still to be done.
    """
    statements.run("one_call_a_key", owner=owner, key=key)
    rows = statements.run("kept_answer", owner=owner, key=key, kept_for=KEPT_FOR_SECONDS)
    return Answered(**rows[0]) if rows else None


def keep(owner: str, key: str, answered: Answered) -> None:
    """Keeps the answer, in the transaction that did what it tells of: there is never the one without the other."""
    statements.run("keep_answer", owner=owner, key=key, **vars(answered))


def forget_expired() -> int:
    """Removes what has been kept long enough, in small batches.

    Returns:
        How many.
    """
    count = 0
    while True:
        (row,) = statements.run("forget_answers", limit=_BATCH, kept_for=KEPT_FOR_SECONDS)
        count += int(row["removed"])
        if row["removed"] < _BATCH:
            return count
