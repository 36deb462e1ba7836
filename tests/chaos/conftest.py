"""The cast: real servers, and a database that survives what is done to it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from jobsite.embedded_postgres import EmbeddedPostgres, django_settings


@pytest.fixture
def durable_postgres(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of the test's own that keeps what it acknowledges, migrated; DATABASE_URL and the ORM of this process lead to it."""
    usual = dict(connection.settings_dict)
    with (
        tempfile.TemporaryDirectory(prefix="jobsite-durable-") as folder,
        EmbeddedPostgres(Path(folder), durable=True, dies_with_us=True) as postgres,
        django_db_blocker.unblock(),
    ):
        monkeypatch.setenv("DATABASE_URL", postgres.url())
        _disconnect()
        connection.settings_dict.update(django_settings(Path(folder)))
        try:
            call_command("migrate", verbosity=0)
            yield postgres
        finally:
            _disconnect()
            connection.settings_dict.update(usual)


def _disconnect() -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it
