"""A durable PostgreSQL of the benchmarks' own, with one database for each variant that is compared."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import django
import psycopg
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from jobsite.embedded_postgres import EmbeddedPostgres


@contextmanager
def scratch_databases(names: Sequence[str]) -> Iterator[None]:
    """Starts a server, migrates a database, and copies it once for each name; all is gone afterwards.

    Django is set up here, so nothing that needs its settings may be imported before.
    """
    with tempfile.TemporaryDirectory(prefix="jobsite-benchmark-") as folder, EmbeddedPostgres(Path(folder), dies_with_us=True) as server:
        os.environ |= {"DATABASE_URL": server.url(), "JOBSITE_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "jobsite.settings"}
        django.setup()
        call_command("migrate", verbosity=0)
        _disconnect()
        with psycopg.connect(server.url("postgres"), autocommit=True) as maintenance:
            for name in names:
                maintenance.execute(sql.SQL("CREATE DATABASE {} TEMPLATE jobsite").format(sql.Identifier(name)))
        try:
            yield
        finally:
            _disconnect()


def use(name: str) -> None:
    """Turns Django's connection to one of the databases."""
    _disconnect()
    connection.settings_dict["NAME"] = name


def execute(text: str) -> list[tuple[object, ...]]:
    """Runs a statement in the database in use."""
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall() if cursor.description else []


def _disconnect() -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it
