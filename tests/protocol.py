"""What goes to PostgreSQL, seen where nobody can pass it by: in libpq's own trace of the connection (Linux only)."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from psycopg.pq import Trace


@contextmanager
def statements_sent() -> Iterator[list[str]]:
    """Lists every execution that the block sends over this thread's connection, whether Django's cursor sends it or a plain one.

    Each is one line of the trace: an Execute of the extended protocol, or a Query of the simple one.
    """
    connection.ensure_connection()
    sent: list[str] = []
    wire = connection.connection.pgconn
    with tempfile.TemporaryFile("w+b") as trace:
        wire.trace(trace.fileno())
        wire.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        try:
            yield sent
        finally:
            wire.untrace()
        trace.seek(0)
        lines = [line.decode(errors="replace").rstrip("\n").split("\t") for line in trace]
        sent += ["\t".join(line) for line in lines if line[0] == "F" and line[2] in ("Execute", "Query")]
