"""A 5xx is sent again over the kept connection, up to three times within 7 s, and the verdict is not lost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from jobs.models import Job
from tests.factories import JobFactory
from tests.interoperability.go_orchestrator import SELF, call
from tests.ledger import assert_sound
from tests.raw_http import RawAnswer, Wire
from tests.server import running_server

# A report large enough that Go sends it again only over a connection that stayed open.
VERDICT = {"status": "completed", "exitCode": 0, "output": {"stdout": "x" * 500_000, "stderr": ""}}
MOST_TRIES, WITHIN_SECONDS = 4, 7.0
# However long the database was away, it is looked for every second.
FOUND_WITHIN_SECONDS = 4.0


def test_a_report_that_was_answered_503_goes_through_when_it_is_sent_again(live_db: str) -> None:
    job = JobFactory(status="running", holder=SELF)
    report = call("POST", f"jobs/{job.id}/complete", VERDICT)
    impatient = f"{live_db}{'&' if '?' in live_db else '?'}options=-c%20lock_timeout%3D300ms"
    with running_server(workers=1, environment={"DATABASE_URL": impatient}) as server, Wire(server.url) as wire:
        with psycopg.connect(live_db) as neighbour:
            neighbour.execute("select from jobs where id = %s for update", [job.id])
            refused = [wire.exchange(report) for _ in range(MOST_TRIES - 1)]
        answer = wire.exchange(report)

    for each in refused:
        assert_unavailable(each)
    assert (answer.status, answer.json["job"]["status"]) == (200, "completed")
    assert_sound(job.id)


def test_a_report_waits_for_a_database_that_is_away_for_a_moment(live_db: str) -> None:
    job = JobFactory(status="running", holder=SELF)
    report = call("POST", f"jobs/{job.id}/complete", VERDICT)
    with running_server(workers=1) as server, Wire(server.url) as wire:
        with database_away(live_db):
            wire.socket.sendall(report)
            time.sleep(2)
        answer = wire.answer(method="POST")
        again = wire.exchange(report)

    assert (answer.status, answer.json["job"]["status"]) == (200, "completed")
    assert (again.status, again.json["replayed"]) == (200, True)
    assert_sound(job.id)


@pytest.mark.slow
def test_a_database_that_stays_away_is_told_after_20_s_and_the_report_taken_when_it_is_back(live_db: str) -> None:
    job = JobFactory(status="running", holder=SELF)
    report = call("POST", f"jobs/{job.id}/complete", VERDICT)
    with running_server(workers=1) as server, Wire(server.url) as wire:
        with database_away(live_db):
            began = time.monotonic()
            refused = wire.exchange(report)
            waited = time.monotonic() - began
        began = time.monotonic()
        answer = wire.exchange(report)
        took = time.monotonic() - began

    assert_unavailable(refused)
    assert 15 < waited < 25
    assert (answer.status, answer.json["job"]["status"]) == (200, "completed")
    assert took < FOUND_WITHIN_SECONDS
    assert Job.objects.get(id=job.id).status == "completed"


def assert_unavailable(answer: RawAnswer) -> None:
    assert (answer.status, answer.json["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert int(answer.headers["retry-after"]) <= WITHIN_SECONDS
    assert not answer.closes


@contextmanager
def database_away(url: str) -> Iterator[None]:
    """Nobody gets in, and who was in is thrown out, as when the server is down."""
    from django.db import connection

    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it
    name = urlsplit(url).path.lstrip("/")
    allow = sql.SQL("alter database {} allow_connections {}")
    with psycopg.connect(url, dbname="postgres", autocommit=True) as keeper:
        keeper.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        keeper.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        try:
            yield
        finally:
            keeper.execute(allow.format(sql.Identifier(name), sql.SQL("true")))
