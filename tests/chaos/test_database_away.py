"""While PostgreSQL is away a report waits for it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager

import psycopg
import pytest
from django.db import connection

from jobs.models import Job
from jobsite.embedded_postgres import EmbeddedPostgres
from tests.chaos.load import wait_until
from tests.concurrency.caller import Answer, Caller
from tests.concurrency.fleet import fill_queue
from tests.ledger import actions
from tests.server import running_server

REPORT = {"exitCode": 0, "output": {"stdout": "done\n", "stderr": ""}}


@pytest.fixture
def postgres(durable_postgres: EmbeddedPostgres) -> EmbeddedPostgres:
    fill_queue(1)
    connection.close()
    return durable_postgres


def held(caller: Caller) -> Callable[[], Answer]:
    """Claims the job; returns the sending of its report."""
    (job,) = caller.insist("POST", "/jobs/claim", {"batchSize": 1}).content["jobs"]
    return lambda: caller.send("POST", f"/jobs/{job['id']}/complete", REPORT, lease_token=job["lease"]["token"])


@contextmanager
def beside(work: Callable[[], Answer]) -> Iterator[Future[Answer]]:
    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(work)


@pytest.mark.slow
def test_a_report_waits_for_a_database_that_is_away(postgres: EmbeddedPostgres) -> None:
    with running_server(workers=1) as server, Caller(server.url, "orch-1") as caller:
        report = held(caller)
        postgres.stop()
        with beside(report) as answer:
            time.sleep(5)
            assert not answer.done(), answer.result()
            postgres.start()
            back_at = time.monotonic()
            assert answer.result().status == 200
            assert time.monotonic() - back_at < 5, "the database was back long before anybody noticed"


@pytest.mark.slow
def test_a_report_is_told_in_time_that_the_database_stays_away_over_the_connection_it_came_by(postgres: EmbeddedPostgres) -> None:
    environment = {"JOBSITE_DATABASE_PATIENCE_SECONDS": "2"}
    with running_server(workers=1, environment=environment) as server, Caller(server.url, "orch-1") as caller:
        report = held(caller)
        socket = caller.socket
        postgres.stop()
        began = time.monotonic()
        away = report()
        assert (away.status, away.code, away.retry_after) == (503, "SERVICE_UNAVAILABLE", "2")
        assert "can't be reached" in away.content["error"]["message"]
        assert time.monotonic() - began < 8
        postgres.start()
        assert report().status == 200
        assert caller.socket is socket


@pytest.mark.slow
def test_a_report_that_is_cut_off_by_the_end_of_the_database_is_made_when_it_is_back(postgres: EmbeddedPostgres) -> None:
    with running_server(workers=1) as server, Caller(server.url, "orch-1") as caller:
        report = held(caller)
        with closing(psycopg.connect(postgres.url())) as neighbour:
            neighbour.execute("select from jobs for update")
            with beside(report) as answer:
                wait_until(lambda: _waits(neighbour, "Lock"), seconds=10, what="the report waits for its job")
                os.kill(postgres.pid, signal.SIGKILL)
                wait_until(lambda: not postgres.is_running(), seconds=10, what="PostgreSQL has ended")
                postgres.start()
                assert answer.result().status == 200
    job = Job.objects.get()
    assert actions(job) == ["enqueue", "claim", "start", "complete"]


@pytest.mark.parametrize(("setting", "words"), [("statement_timeout", "took too long"), ("lock_timeout", "did not let go in time")])
def test_a_lock_that_is_not_let_go_is_not_called_an_outage(live_db: str, setting: str, words: str) -> None:
    fill_queue(1)
    url = f"{live_db}{'&' if '?' in live_db else '?'}options=-c%20{setting}%3D500ms"
    with running_server(workers=1, environment={"DATABASE_URL": url}) as server, Caller(server.url, "orch-1") as caller:
        report = held(caller)
        with psycopg.connect(live_db) as neighbour:
            neighbour.execute("select from jobs for update")
            refused = report()
        assert (refused.status, refused.code, refused.retry_after) == (503, "SERVICE_UNAVAILABLE", "2")
        assert words in refused.content["error"]["message"]
        assert "Nothing was changed." in refused.content["error"]["message"]
        assert report().status == 200


def _waits(observer: psycopg.Connection[tuple[object, ...]], kind: str, event: str | None = None) -> bool:
    found = observer.execute(
        "select from pg_stat_activity where wait_event_type = %s and (%s::text is null or wait_event = %s) and pid <> pg_backend_pid()",
        [kind, event, event],
    )
    return found.fetchone() is not None
