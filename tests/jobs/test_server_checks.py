"""What `manage.py check --database default` says of the server."""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from jobs import checks, statements
from jobsite.embedded_postgres import EmbeddedPostgres, django_settings
from jobsite.embedded_postgres.cluster import SUPERUSER

# The tests' own server is set for speed.
_LOSSY = {"jobs.W001", "jobs.W002", "jobs.W003"}


def ids() -> set[str | None]:
    return {message.id for message in run_checks(databases=["default"], tags=["database"])}


@contextmanager
def server_of_our_own(blocker: DjangoDbBlocker, *, durable: bool) -> Iterator[EmbeddedPostgres]:
    usual = dict(connection.settings_dict)
    with (
        tempfile.TemporaryDirectory(prefix="jobsite-checked-") as folder,
        EmbeddedPostgres(Path(folder), durable=durable, dies_with_us=True) as server,
        blocker.unblock(),
    ):
        disconnect()
        connection.settings_dict.update(django_settings(Path(folder)) | {"ENGINE": usual["ENGINE"]})
        try:
            yield server
        finally:
            disconnect()
            connection.settings_dict.update(usual)


def disconnect() -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it


@pytest.fixture(scope="module")
def durable(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[EmbeddedPostgres]:
    with server_of_our_own(django_db_blocker, durable=True) as server:
        yield server


@pytest.fixture
def set_server(durable: EmbeddedPostgres) -> Iterator[Callable[[str, str], None]]:
    """Changes a setting of the whole server, until the end of the test."""
    with closing(psycopg.connect(durable.url(), user=SUPERUSER, autocommit=True)) as root:

        def change(name: str, value: str) -> None:
            root.execute(f"alter system set {name} = '{value}'")
            take_up()

        def take_up() -> None:
            root.execute("select pg_reload_conf()")
            # A process takes up what changed between two statements.
            root.execute("select pg_sleep(0.2)")

        yield change
        root.execute("alter system reset all")
        take_up()


def test_the_server_that_we_bring_is_found_good(durable: EmbeddedPostgres) -> None:
    assert ids() == set()


def test_of_a_server_that_loses_what_was_acknowledged_everything_is_told(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    with server_of_our_own(django_db_blocker, durable=False):
        assert ids() == _LOSSY


def test_a_server_without_autovacuum_is_told_of(set_server: Callable[[str, str], None]) -> None:
    set_server("autovacuum", "off")

    assert ids() == {"jobs.W005"}


def test_a_commit_that_does_not_wait_for_the_standby_there_is_is_told_of(set_server: Callable[[str, str], None]) -> None:
    set_server("synchronous_standby_names", "another")
    with connection.cursor() as cursor:
        cursor.execute("set synchronous_commit = local")

    assert ids() == {"jobs.W004"}


@pytest.mark.parametrize(
    ("setting", "value", "number"),
    [
        ("synchronous_commit", "off", "W003"),
        ("idle_in_transaction_session_timeout", "0", "W007"),
        ("plan_cache_mode", "auto", "W008"),
        ("jit", "on", "W009"),
    ],
)
def test_a_setting_of_our_connections_that_does_not_hold_is_told_of(
    durable: EmbeddedPostgres, setting: str, value: str, number: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"set {setting} = {value}")
    try:
        assert ids() == {f"jobs.{number}"}
    finally:
        disconnect()


@pytest.mark.parametrize(
    ("number", "bad", "good"),
    [
        ("E001", {"version": 140_022}, {"version": 150_000}),
        ("W006", {"autovacuum_naptime": 61}, {"autovacuum_naptime": 60}),
        ("W010", {"shared_buffers": 128, "jobs_size": 129}, {"shared_buffers": 256, "jobs_size": 10_000}),
        ("W010", {"shared_buffers": 128, "jobs_size": 129}, {"shared_buffers": 128, "jobs_size": 128}),
        ("W011", {"max_wal_size": 1023}, {"max_wal_size": 1024}),
        ("W011", {"checkpoint_timeout": 299}, {"checkpoint_timeout": 300}),
        ("W012", {"connections": 22, "needed": 23}, {"connections": 23, "needed": 23}),
    ],
)
def test_what_a_server_is_started_with_is_judged(durable: EmbeddedPostgres, number: str, bad: dict[str, int], good: dict[str, int]) -> None:
    (row,) = statements.run("server_settings")
    row["needed"] = checks.connections_needed()

    def told(changed: dict[str, int]) -> set[str | None]:
        return {message.id for rule in checks.RULES if (message := rule.applied(row | changed))}

    assert f"jobs.{number}" in told(bad)
    assert f"jobs.{number}" not in told(good)


def test_larger_pools_than_the_server_takes_connections_are_told_of(durable: EmbeddedPostgres, settings: Any) -> None:
    settings.POOL_SIZE = 102

    assert ids() == {"jobs.W012"}


def test_every_migration_says_so_first(durable: EmbeddedPostgres) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set jit = on")
    told = io.StringIO()
    try:
        call_command("migrate", plan=True, skip_checks=False, stdout=io.StringIO(), stderr=told)
    finally:
        disconnect()

    assert "jobs.W009" in told.getvalue()


def test_nothing_is_asked_of_a_database_that_the_check_is_not_for() -> None:
    assert run_checks(tags=["database"]) == []
