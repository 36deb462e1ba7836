"""All web processes are away for longer than any lease, while real orchestrators run fifty scripts: afterwards fifty have completed."""

import os
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from jobs.enqueueing import NewJob, enqueue
from jobs.models import AuditEntry, Job
from tests.chaos.load import wait_until
from tests.chaos.processes import environment_of_orchestrators, running
from tests.factories import PRODUCER
from tests.ledger import assert_sound
from tests.server import Server, running_server

ORCHESTRATORS, JOBS_OF_EACH = 5, 10
JOBS = ORCHESTRATORS * JOBS_OF_EACH
SWEEP = ("manage.py", "sweep_stuck_jobs", "--loop", "--interval", "1")


@dataclass(frozen=True)
class Outage:
    """
    Attributes:
        lease: seconds that a heartbeat keeps a job.
        seconds: for which no web process runs.
    """

    lease: int
    seconds: int


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "outage",
    [
        pytest.param(Outage(lease=10, seconds=32), id="scaled down", marks=pytest.mark.slow),
        pytest.param(Outage(lease=90, seconds=180), id="three minutes", marks=pytest.mark.full),
    ],
)
def test_fifty_runs_outlive_an_outage_of_all_web_processes(outage: Outage, live_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBSITE_HEARTBEAT_LEASE_SECONDS", str(outage.lease))
    # Half of them end while nobody can be told, half of them after it is over.
    lasts = (outage.seconds // 2, outage.seconds + 2 * outage.lease)
    scripts = [f"sleep {lasts[number % 2]}; echo done" for number in range(JOBS)]
    jobs = [NewJob(type="script", payload={"script": {"type": "BASH", "content": text}}, max_attempts=3) for text in scripts]
    ids = [job.id for job in enqueue(jobs, by=PRODUCER)]

    with ExitStack() as site:
        server = site.enter_context(running_server())
        site.enter_context(running(*SWEEP))
        environment = site.enter_context(environment_of_orchestrators(server.url))
        for number in range(ORCHESTRATORS):
            options = ("--id", f"orch-{number}", "--max-jobs", str(JOBS_OF_EACH), "--wait", "1")
            site.enter_context(running("-m", "orchestrator", *options, environment=environment))
        beating = Job.objects.filter(id__in=ids, status="running", kept_by_heartbeats=True)
        # (A lease from before the start may be longer, until the next heartbeat.)
        beating = beating.filter(lease_expires_at__lte=Now() + timedelta(seconds=outage.lease))
        wait_until(lambda: beating.count() == JOBS, seconds=60, what="all fifty run, kept by heartbeats")

        _let_it_be_away(server, outage)
        wait_until(lambda: Job.objects.filter(status="completed").count() == JOBS, seconds=6 * outage.lease + 60, what="all have completed")

    assert Job.objects.filter(id__in=ids, status="completed", attempts=0, epoch=1).count() == JOBS
    assert not AuditEntry.objects.filter(actor_kind="sweep").exists()
    for job_id in ids:
        assert_sound(job_id)


def _let_it_be_away(server: Server, outage: Outage) -> None:
    """Stops all web processes for as long as the outage lasts."""
    processes = [server.master, *server.workers]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(outage.seconds)
    held = Job.objects.filter(status="running")
    assert (held.count(), held.filter(lease_expires_at__gt=Now()).count()) == (JOBS, 0), "all run, and no lease is left"
    for pid in processes:
        os.kill(pid, signal.SIGCONT)
