"""Counts what goes over the wire to PostgreSQL, whoever sends it: Django's own cursors and the plain ones of jobs/statements.py alike."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection
from psycopg.pq import Trace

# One each for a simple query and for a prepared one, as libpq's trace writes messages to the server.
_SENT = re.compile(rb"^F\t\d+\t(Query|Execute)\t", re.MULTILINE)


@dataclass
class Count:
    """How many statements the block sent; known when it has ended."""

    statements: int = 0


@contextmanager
def counted() -> Iterator[Count]:
    """Counts the statements that this thread's connection sends, those that begin and end transactions included."""
    connection.ensure_connection()
    wire = connection.connection.pgconn
    count = Count()
    with tempfile.TemporaryFile() as trace:
        wire.trace(trace.fileno())
        wire.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        try:
            yield count
        finally:
            wire.untrace()
            trace.seek(0)
            count.statements = len(_SENT.findall(trace.read()))
