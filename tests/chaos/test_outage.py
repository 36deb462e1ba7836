"""An outage of jobsite, longer than any lease: the fleet goes on when it is over, and none of its runs has failed."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection

from jobs.models import AuditEntry, Job
from jobsite.embedded_postgres import EmbeddedPostgres
from tests.chaos.load import wait_until
from tests.chaos.processes import running
from tests.concurrency.caller import Caller
from tests.concurrency.fleet import COMPLETE, START, claim, fill_queue, report
from tests.concurrency.history import Sent, contradictions
from tests.ledger import assert_sound
from tests.server import Server, running_server

LEASE_SECONDS = 5
OUTAGE_SECONDS = 3 * LEASE_SECONDS + 2.0
ORCHESTRATORS, JOBS_OF_EACH = 5, 10
JOBS = ORCHESTRATORS * JOBS_OF_EACH
SWEEP = ("manage.py", "sweep_stuck_jobs", "--loop", "--interval", "0.5")
Outage = Callable[[Server, EmbeddedPostgres], None]


def stop_the_server(server: Server, postgres: EmbeddedPostgres) -> None:
    processes = [server.master, *server.workers]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(OUTAGE_SECONDS)
    for pid in processes:
        os.kill(pid, signal.SIGCONT)


def stop_the_database(server: Server, postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    time.sleep(OUTAGE_SECONDS)
    postgres.start()


@pytest.mark.slow
@pytest.mark.parametrize("outage", [stop_the_server, stop_the_database])
def test_no_run_fails_for_an_outage_of_ours(outage: Outage, durable_postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBSITE_HEARTBEAT_LEASE_SECONDS", str(LEASE_SECONDS))
    ids = fill_queue(JOBS)
    connection.close()

    with running_server() as server, running(*SWEEP), _fleet(server) as fleet:
        wait_until(lambda: fleet.rounds > 2 * ORCHESTRATORS, seconds=30, what="all orchestrators run their jobs and beat")
        outage(server, durable_postgres)
        # Longer than the brake holds: until then only heartbeats may have kept the leases.
        time.sleep(2 * LEASE_SECONDS)
        fleet.finish.set()
    # The test's own connection was cut as well.
    connection.close()

    assert fleet.longest_silence > 2 * LEASE_SECONDS, "that was no outage"
    assert Job.objects.filter(id__in=ids, status="completed", attempts=0, epoch=1).count() == JOBS
    assert not AuditEntry.objects.filter(actor_kind="sweep").exists()
    assert contradictions(fleet.sent, AuditEntry.objects.all()) == []
    for job_id in ids:
        assert_sound(job_id)


class _Fleet:
    """
    Attributes:
        finish: set when the jobs are to be completed; until then they run.
        rounds: how many heartbeats were answered.
        longest_silence: seconds between two answers to one orchestrator, at most.
        sent: all that was sent, once it has ended.
    """

    def __init__(self) -> None:
        self.finish = threading.Event()
        self.rounds = 0
        self.sent: list[Sent] = []
        self.longest_silence = 0.0

    def orchestrate(self, url: str, name: str) -> None:
        sent: list[Sent] = []
        with Caller(url, name) as caller:
            jobs = claim(caller, sent, batch_size=JOBS_OF_EACH)
            for job in jobs:
                assert report(caller, sent, job, START).is_accepted
            pulse = {"runningJobs": [{"jobId": job["id"], "leaseToken": job["lease"]["token"]} for job in jobs]}
            heard_at = time.monotonic()
            while not self.finish.wait(LEASE_SECONDS / 5):
                answer = caller.insist("POST", "/orchestrator/heartbeat", pulse).content
                assert (len(answer["leases"]), answer["abandon"]) == (JOBS_OF_EACH, []), answer
                self.rounds += 1
                self.longest_silence = max(self.longest_silence, time.monotonic() - heard_at)
                heard_at = time.monotonic()
            for job in jobs:
                assert report(caller, sent, job, COMPLETE).is_accepted
        self.sent.extend(sent)


@contextmanager
def _fleet(server: Server) -> Iterator[_Fleet]:
    """Orchestrators that run ten jobs each; at the end all of them have completed, or it raises."""
    fleet = _Fleet()
    with ThreadPoolExecutor(ORCHESTRATORS) as threads:
        working = [threads.submit(fleet.orchestrate, server.url, f"orch-{number}") for number in range(ORCHESTRATORS)]
        try:
            yield fleet
        finally:
            fleet.finish.set()
        for each in working:
            each.result()
