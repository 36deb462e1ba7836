"""A durable PostgreSQL of the benchmarks' own, with one database for each variant that is compared."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import django
import psycopg
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from jobsite.embedded_postgres import EmbeddedPostgres

_MIB = 1024 * 1024
# No checkpoint in the middle of what is measured.
_SETTINGS = {"max_wal_size": "8GB", "checkpoint_timeout": "15min", "autovacuum_naptime": "10s", "jit": "off"}
_SHARED_BUFFERS_MIB = 2048


@contextmanager
def scratch_databases(names: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Iterator[EmbeddedPostgres]:
    """Starts a server, migrates a database, and copies it once for each name; all is gone afterwards.

    Django is set up here, so nothing that needs its settings may be imported before.

    Args:
        environment: variables for the settings, and for processes that are started.

    Yields:
        The server.
    """
    with tempfile.TemporaryDirectory(prefix="jobsite-benchmark-") as folder, _postgres(Path(folder)) as server:
        # No files to serve, rather than those of a checkout that may or may not have collected them.
        (static := Path(folder, "static")).mkdir()
        os.environ |= {"DATABASE_URL": server.url(), "JOBSITE_DATA_DIR": folder, "JOBSITE_STATIC_ROOT": str(static)}
        os.environ |= {"DJANGO_SETTINGS_MODULE": "jobsite.settings", **(environment or {})}
        django.setup()
        call_command("migrate", verbosity=0)
        _disconnect()
        with psycopg.connect(server.url("postgres"), autocommit=True) as maintenance:
            for name in names:
                maintenance.execute(sql.SQL("CREATE DATABASE {} TEMPLATE jobsite").format(sql.Identifier(name)))
        try:
            yield server
        finally:
            _disconnect()


def use(name: str) -> str:
    """Turns Django's connection, and DATABASE_URL, to one of the databases.

    Returns:
        Its URL.
    """
    _disconnect()
    connection.settings_dict["NAME"] = name
    os.environ["DATABASE_URL"] = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    return os.environ["DATABASE_URL"]


def execute(text: str) -> list[tuple[object, ...]]:
    """Runs a statement in the database in use."""
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall() if cursor.description else []


def _postgres(folder: Path) -> EmbeddedPostgres:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MIB
    buffers = {"shared_buffers": f"{min(_SHARED_BUFFERS_MIB, memory // 8)}MB"}
    return EmbeddedPostgres(folder, dies_with_us=True, settings=_SETTINGS | buffers)


def _disconnect() -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it
