"""kill -9 of the web server's workers under load: what was acknowledged is done, what was not is done by asking again."""

import os
import signal

import pytest

from tests.chaos.load import Load, assert_nothing_lost, drain_under
from tests.concurrency.fleet import fill_queue
from tests.server import running_server

REPORTS_BETWEEN_KILLS = 25
LEAST_KILLS, LEAST_REPORTS = 20, 500


@pytest.mark.parametrize("jobs", [300, pytest.param(800, marks=pytest.mark.full)])
def test_no_acknowledged_report_is_lost_when_workers_are_killed(jobs: int, live_db: str) -> None:
    ids = fill_queue(jobs)
    killed: list[int] = []

    with running_server(workers=3) as server:

        def kill_workers(load: Load) -> None:
            while load.wait_for((len(killed) + 1) * REPORTS_BETWEEN_KILLS):
                # The oldest is the one most certainly at work; the master will have started another in its place.
                victim = next(pid for pid in server.workers if pid not in killed)
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)

        load = drain_under(kill_workers, server.url)

    assert_nothing_lost(load, ids)
    assert len(killed) >= LEAST_KILLS, f"only {len(killed)} kills: that proves nothing"
    assert load.acknowledged >= LEAST_REPORTS, f"only {load.acknowledged} acknowledged reports: that proves nothing"
    assert load.disturbances > 0, "no client noticed anything: the kills missed"
