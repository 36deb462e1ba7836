"""What a request costs of the database beside its own statements: nothing, unless there is reason to ask a connection whether it lives."""

import io
import json
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import RequestFactory, override_settings
from psycopg import sql

from jobs.loops import until_told
from jobs.models import Job
from jobsite.postgresql import base
from tests.factories import HOLDER, JobFactory
from tests.postgres import API_KEY
from tests.statements import counted


@pytest.fixture
def job(live_db: str, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A claimed job, in a pool of one connection; that it is reported on without its token, noted once a minute, is noted already."""
    monkeypatch.setitem(connection.settings_dict["OPTIONS"]["pool"], "max_size", 1)
    job = JobFactory(status="claimed")
    assert reported(job, "preparing") == 200
    return job


def reported(job: Job, word: str) -> int:
    return answered_to(
        RequestFactory().put(
            f"/api/internal/jobs/{job.id}/status",
            json.dumps({"status": word}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {API_KEY}", "X-Orchestrator-ID": HOLDER.name},
        )
    )


def answered_to(request: WSGIRequest) -> int:
    """The status of the answer to what gunicorn would pass on, with the signals at both ends of a request."""

    def start_response(*status_and_headers: object) -> Callable[[bytes], object]:
        return io.BytesIO().write

    response = WSGIHandler()(request.environ, start_response)
    response.close()
    return response.status_code


def pid() -> int:
    """The server's process behind the connection that a thread gets."""
    connection.ensure_connection()
    return int(connection.connection.info.backend_pid)


def end_connection(url: str, number: int) -> None:
    """Ends a connection from outside, and waits until it is gone."""
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s, 5000)", [number])


def end_database(url: str) -> None:
    """Leaves nothing that could be connected to under the address."""
    with psycopg.connect(url, dbname="postgres", autocommit=True) as other:
        name = urlsplit(url).path.removeprefix("/")
        other.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_a_single_report_is_one_statement(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    # However long this machine lets the connection rest.
    monkeypatch.setattr(base, "RESTED_SECONDS", 3600.0)

    with counted() as sent:
        statuses = [reported(job, "running"), reported(job, "completed")]

    assert statuses == [200, 200]
    assert sent.statements == 2


def test_a_connection_that_has_rested_is_asked_whether_it_lives(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "RESTED_SECONDS", 0.0)

    with counted() as sent:
        assert reported(job, "running") == 200

    assert sent.statements == 2


def test_a_connection_that_was_ended_meanwhile_harms_no_request(job: Job, live_db: str) -> None:
    before = pid()
    connection.close()
    end_connection(live_db, before)

    assert reported(job, "preparing") == 200
    assert pid() != before


def test_a_loop_that_is_told_to_stop_does_not_wait_for_a_database_that_is_away(live_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"]["pool"], "timeout", 0.1)
    end_database(live_db)
    began = time.monotonic()

    with override_settings(DATABASE_PATIENCE_SECONDS=60), until_told() as stopped, pytest.raises(OperationalError, match="connection"):
        stopped.set()
        connection.ensure_connection()

    assert time.monotonic() - began < 30


def test_a_migration_may_take_as_long_as_its_tables_are_large(live_db: str) -> None:
    call_command("migrate", verbosity=0)

    with connection.cursor() as cursor:
        cursor.execute("select current_setting('statement_timeout'), current_setting('lock_timeout')")
        assert cursor.fetchone() == ("0", "10s")
