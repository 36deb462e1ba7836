"""How many statements go over a connection, counted where nothing can hide: in libpq's trace of what is sent."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection
from psycopg.pq import Trace


@dataclass
class Traffic:
    """
    Attributes:
        statements: sent in the block, prepared or not, those that begin and end transactions included; known when the block has ended.
    """

    statements: int = 0


@contextmanager
def counted() -> Iterator[Traffic]:
    """Counts what the block sends over this thread's connection."""
    connection.ensure_connection()
    wire, traffic = connection.connection.pgconn, Traffic()
    with tempfile.TemporaryFile("w+") as log:
        wire.trace(log.fileno())
        wire.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        try:
            yield traffic
        finally:
            wire.untrace()
            log.seek(0)
            # "F\t<length>\tExecute\t…": from us to the server. A plain query comes as one message, a prepared one ends with its Execute.
            sent = [line.split("\t")[2] for line in log if line.startswith("F\t")]
            traffic.statements = sent.count("Query") + sent.count("Execute")
