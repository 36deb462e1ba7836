"""pytest plugin: the PostgreSQL that the tests own, and databases cloned from the migrated one for tests with processes of their own.

Loaded by `-p tests.postgres`: it must have set DATABASE_URL before pytest-django imports the settings.
JOBSITE_TEST_DATABASE_URL names another server to test on; its role must be allowed to create databases.
"""

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from pytest_django import DjangoDbBlocker

from jobsite.embedded_postgres import EmbeddedPostgres

API_KEY = "the-shared-service-key-of-the-tests"
_clone_numbers = itertools.count(1)


@dataclass(frozen=True)
class Clone:
    """A database of its own for one test."""

    name: str
    url: str


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    data_dir = Path(tempfile.mkdtemp(prefix="jobsite-tests-"))
    early_config.add_cleanup(lambda: shutil.rmtree(data_dir, ignore_errors=True))
    os.environ["JOBSITE_DATA_DIR"] = str(data_dir)
    os.environ["INTERNAL_API_KEY"] = API_KEY
    os.environ["DATABASE_URL"] = os.environ.get("JOBSITE_TEST_DATABASE_URL") or _own_server(early_config, data_dir)
    # A listener connected to the test's database would keep it from being copied. Servers of a live_db listen to that.
    os.environ["JOBSITE_LISTEN_URL"] = urlsplit(os.environ["DATABASE_URL"])._replace(path="/postgres").geturl()
    yield


def _own_server(config: pytest.Config, data_dir: Path) -> str:
    # Nothing has to survive the machine here. Tests about durability start a durable server of their own.
    server = EmbeddedPostgres(data_dir, durable=False, dies_with_us=True)
    options = config.known_args_namespace
    # Of several processes that share out the tests each has a server of its own; who only shares them out needs none.
    shares_out = getattr(options, "numprocesses", None) and "PYTEST_XDIST_WORKER" not in os.environ
    if not (options.help or options.version or options.collectonly or shares_out):
        server.start()
        config.add_cleanup(server.stop)
    return server.url()


@contextmanager
def cloned_database(template: str) -> Iterator[Clone]:
    """A new database with the template's tables and rows, dropped afterwards whoever is still connected.

    Args:
        template: name of a database to which nobody is connected.
    """
    name = f"{template}_{os.getpid()}_{next(_clone_numbers)}"
    _create(name, template)
    try:
        yield Clone(name=name, url=urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl())
    finally:
        _drop(name)


@pytest.fixture(scope="session")
def template_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The name of a migrated database without rows of tests, for `cloned_database`."""
    from django.db import connection

    usual = str(connection.settings_dict["NAME"])
    with django_db_blocker.unblock():
        # pytest-django makes the test database only when a test that was selected asks for it by `db` or its mark.
        made_here = not usual.startswith("test_")
        migrated = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False) if made_here else usual
        _disconnect()
    name = f"{migrated}_template"
    _drop(name)
    _create(name, migrated)
    yield name
    _drop(name)
    if made_here:
        with django_db_blocker.unblock():
            connection.creation.destroy_test_db(usual, verbosity=0)


@pytest.fixture
def live_db(template_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A database of this test alone, in which everything commits: for tests with threads or processes of their own.

    Yields its DATABASE_URL, which is also in the environment for child processes; the ORM of the test process uses it, too. Use it instead
    of `db` and never `transaction=True`: its flush is a TRUNCATE, which the append-only audit log refuses.
    """
    with _database_of_its_own(template_database, django_db_blocker) as url:
        yield url


@pytest.fixture(scope="module")
def module_db(template_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The same for all tests of a module together: for many short ones that ask one server. None of them may use `db` or `live_db`."""
    with _database_of_its_own(template_database, django_db_blocker) as url:
        yield url


@contextmanager
def _database_of_its_own(template: str, blocker: DjangoDbBlocker) -> Iterator[str]:
    from django.db import connection

    if connection.in_atomic_block:
        pytest.fail("live_db and db exclude each other: a test has one database.")
    usual = connection.settings_dict["NAME"]
    with cloned_database(template) as clone, blocker.unblock(), pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", clone.url)
        environment.delenv("JOBSITE_LISTEN_URL")
        _disconnect()
        connection.settings_dict["NAME"] = clone.name
        try:
            yield clone.url
        finally:
            _disconnect()
            connection.settings_dict["NAME"] = usual


def _disconnect() -> None:
    from django.db import connection

    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it


def _create(name: str, template: str) -> None:
    with _maintenance() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))


def _drop(name: str) -> None:
    with _maintenance() as connection:
        deadline = time.monotonic() + 10
        while True:
            try:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
                return
            except InsufficientPrivilege:
                # An autovacuum worker is in it, which is of no role that ours may end. It is done in a moment.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


def _maintenance() -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(os.environ["DATABASE_URL"], dbname="postgres", autocommit=True)
