"""While PostgreSQL is away a report waits for it; what it could not confirm is not told as done."""

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
from jobsite.embedded_postgres.cluster import SUPERUSER
from tests.chaos.load import wait_until
from tests.concurrency.caller import Answer, Caller
from tests.concurrency.fleet import fill_queue
from tests.ledger import actions, assert_sound
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


@pytest.fixture
def unconfirmed(postgres: EmbeddedPostgres) -> Iterator[Callable[[str], None]]:
    """Names the standbys that every commit waits for."""
    with psycopg.connect(postgres.url(), user=SUPERUSER, autocommit=True) as root:

        def name_standbys(names: str) -> None:
            root.execute(f"alter system set synchronous_standby_names = '{names}'")
            root.execute("select pg_reload_conf()")
            wait_until(lambda: root.execute("show synchronous_standby_names").fetchone() == (names,), seconds=10, what="it is read")

        yield name_standbys


def test_what_the_standby_has_not_confirmed_is_not_told_as_done(postgres: EmbeddedPostgres, unconfirmed: Callable[[str], None]) -> None:
    with running_server(workers=1) as server, Caller(server.url, "orch-1") as caller:
        report = held(caller)
        unconfirmed("nobody")
        # Sent again it is found made, and as little confirmed as before.
        for _ in range(2):
            told = _with_waits_cancelled(postgres, report)
            assert (told.status, told.code, told.retry_after) == (503, "OUTCOME_UNKNOWN", "2")
            assert "Send the same request again" in told.content["error"]["message"]
            assert Job.objects.get().status == "completed", "it was committed here"
        assert caller.send("GET", f"/jobs/{Job.objects.get().id}").status == 200, "a read promises nothing"
        unconfirmed("")
        again = report()
        assert (again.status, again.is_replay) == (200, True)
        assert "the synchronous standby has not confirmed its copy" in server.log.read_text()
    job = Job.objects.get()
    assert actions(job) == ["enqueue", "claim", "start", "complete"]
    assert_sound(job.id)


def test_a_claim_that_is_not_confirmed_is_found_again_when_it_is(postgres: EmbeddedPostgres, unconfirmed: Callable[[str], None]) -> None:
    with running_server(workers=1) as server, Caller(server.url, "orch-1") as caller:

        def claim() -> Answer:
            return caller.send("POST", "/jobs/claim", {"batchSize": 1, "claimId": "c-1"})

        unconfirmed("nobody")
        for _ in range(2):
            assert _with_waits_cancelled(postgres, claim).code == "OUTCOME_UNKNOWN"
        unconfirmed("")
        assert [job["epoch"] for job in claim().content["jobs"]] == [1]


def _with_waits_cancelled(postgres: EmbeddedPostgres, report: Callable[[], Answer]) -> Answer:
    """Every wait for the standby, as often as there is one: the server's own sign of life waits, too."""
    with psycopg.connect(postgres.url(), autocommit=True) as operator, beside(report) as answer:
        wait_until(lambda: _waits(operator, "IPC", "SyncRep"), seconds=10, what="the commit waits for the standby")
        while not answer.done():
            operator.execute("select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'")
            time.sleep(0.05)
        return answer.result()


def _waits(observer: psycopg.Connection[tuple[object, ...]], kind: str, event: str | None = None) -> bool:
    found = observer.execute(
        "select from pg_stat_activity where wait_event_type = %s and (%s::text is null or wait_event = %s) and pid <> pg_backend_pid()",
        [kind, event, event],
    )
    return found.fetchone() is not None
