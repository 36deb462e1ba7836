"""What happened when the database did not do what it was asked, in true words: a lock that was not let go is not an outage."""

from django.db import Error, InterfaceError, OperationalError
from psycopg import errors
from psycopg_pool import PoolTimeout

_UNDONE = "Nothing was changed."
_WORDS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((PoolTimeout,), f"The database can't be reached. {_UNDONE}"),
    ((errors.LockNotAvailable,), f"Somebody else holds what this needs, and did not let go in time. {_UNDONE}"),
    ((errors.QueryCanceled,), f"The database took too long, or was told to stop. {_UNDONE}"),
    ((errors.DeadlockDetected, errors.SerializationFailure), f"This and another change got in each other's way. {_UNDONE}"),
    ((errors.ReadOnlySqlTransaction,), f"The database takes no changes at the moment. {_UNDONE}"),
    ((errors.TooManyConnections, errors.CannotConnectNow), f"The database takes no connection at the moment. {_UNDONE}"),
    ((errors.InsufficientResources,), f"The database has run out of memory, disk or connections. {_UNDONE}"),
)
# Whoever was cut off in the middle can't know whether that was before or after the commit.
_CUT_OFF = "The connection to the database was lost. Whether this was done is not known yet."


def outage_in(problem: Exception) -> str | None:
    """What to tell of an error that passes by itself; None when it is none of these.

    Args:
        problem: as a view raised it: Django's error, with psycopg's as its cause, or the pool's.
    """
    cause = problem.__cause__ if isinstance(problem, Error) and problem.__cause__ else problem
    for kinds, words in _WORDS:
        if isinstance(cause, kinds):
            return words
    return _CUT_OFF if isinstance(problem, OperationalError | InterfaceError) else None


def was_cut_off(problem: Exception) -> bool:
    """Whether the connection was lost in the middle."""
    return outage_in(problem) == _CUT_OFF
