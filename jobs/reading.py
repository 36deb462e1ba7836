"""Reads for pages: a question that takes too long is given up, before it takes the database from those who work."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, transaction
from psycopg.errors import QueryCanceled

from jobs import statements

SECONDS = 3


class TooSlow(Exception):
    """A question took longer than a page waits for: it is to be narrowed."""


@contextmanager
def reading(seconds: float = SECONDS) -> Iterator[None]:
    """A transaction to read in.

    Args:
        seconds: how long each statement may take.

    Raises:
        TooSlow: one of them took longer.
    """
    try:
        with transaction.atomic():
            statements.run("take_at_most", milliseconds=int(seconds * 1000))
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooSlow from error
        raise
