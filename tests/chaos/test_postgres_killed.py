"""kill -9 of PostgreSQL under load: nothing acknowledged is lost, the server finds the database again, nobody sees more than a 503."""

import os
import signal
import time

import pytest
from django.db import connection

from jobsite.embedded_postgres import EmbeddedPostgres
from tests.chaos.load import Load, assert_nothing_lost, drain_under
from tests.concurrency.caller import Caller
from tests.concurrency.fleet import fill_queue
from tests.server import running_server

REPORTS_BETWEEN_KILLS = 150
SECONDS_AWAY = 1.0


@pytest.mark.parametrize("kills", [2, pytest.param(5, marks=pytest.mark.full)])
def test_no_acknowledged_report_is_lost_when_postgresql_is_killed(kills: int, durable_postgres: EmbeddedPostgres) -> None:
    ids = fill_queue(REPORTS_BETWEEN_KILLS * (kills + 1) // 2)
    done = 0

    with running_server() as server:
        workers = server.workers

        def kill_postgresql(load: Load) -> None:
            nonlocal done
            while done < kills and load.wait_for((done + 1) * REPORTS_BETWEEN_KILLS):
                os.kill(durable_postgres.pid, signal.SIGKILL)
                time.sleep(SECONDS_AWAY)
                assert durable_postgres.start(), "it was not down"
                done += 1

        # (What clients may see meanwhile is judged with every answer, by their Caller.)
        load = drain_under(kill_postgresql, server.url)

        assert server.workers == workers, "a worker did not outlive the database"
        with Caller(server.url, "orch-1") as caller:
            assert caller.send("GET", "/orchestrator/health").content["database"] == "connected"

    # The test's own was cut as well.
    connection.close()
    assert_nothing_lost(load, ids)
    assert done == kills, f"only {done} kills: that proves nothing"
