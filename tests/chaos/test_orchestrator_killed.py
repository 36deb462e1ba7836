"""kill -9 of the reference orchestrator in mid-job: its scripts end with it, a sweep takes its jobs back, the next one runs them."""

import signal
from collections.abc import Iterator

import pytest

from jobs.enqueueing import NewJob, enqueue
from jobs.models import Attempt, Job
from tests.chaos.load import wait_until
from tests.chaos.processes import environment_of_orchestrators, is_alive, pids_with, running
from tests.concurrency.caller import Caller
from tests.factories import PRODUCER
from tests.ledger import actions, assert_sound
from tests.server import Server, children_of, running_server

LEASES = ("JOBSITE_CLAIM_LEASE_SECONDS", "JOBSITE_ACKNOWLEDGED_LEASE_SECONDS", "JOBSITE_HEARTBEAT_LEASE_SECONDS")
SWEEP = ("manage.py", "sweep_stuck_jobs", "--loop", "--interval", "0.5")
ORCHESTRATOR = ("-m", "orchestrator", "--id", "local-1", "--wait", "1")
SLOW_AT_FIRST = 'if [ "$JOBSITE_ATTEMPT" = 1 ]; then sleep 60; fi; echo done'


@pytest.fixture
def server(live_db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Leases last three seconds, for the sweep, too."""
    for name in LEASES:
        monkeypatch.setenv(name, "3")
    with running_server() as server:
        yield server


@pytest.fixture
def environment(server: Server) -> Iterator[dict[str, str]]:
    with environment_of_orchestrators(server.url) as environment:
        yield environment


def test_what_a_killed_orchestrator_ran_is_swept_and_run_by_the_next(server: Server, environment: dict[str, str]) -> None:
    payload = {"script": {"type": "BASH", "content": SLOW_AT_FIRST}}
    only, first = enqueue([NewJob(type="slow", payload=payload, max_attempts=most) for most in (1, 2)], by=PRODUCER)
    ids = [only.id, first.id]

    with running(*SWEEP):
        with running(*ORCHESTRATOR, environment=environment) as orchestrator:
            # From the first heartbeat on nothing else keeps their leases.
            beating = Job.objects.filter(id__in=ids, status="running", kept_by_heartbeats=True)
            wait_until(lambda: beating.count() == 2, seconds=30, what="both jobs run, kept by heartbeats")
            scripts = children_of(orchestrator.pid)
            assert len(scripts) == 2
            orchestrator.send_signal(signal.SIGKILL)

        wait_until(lambda: not any(is_alive(pid) for pid in scripts), seconds=5, what="its scripts have ended with it")
        wait_until(lambda: not Job.objects.filter(status="running").exists(), seconds=10, what="the sweep has taken its jobs back")
        only.refresh_from_db()
        first.refresh_from_db()
        assert (only.status, only.error_category, only.attempts) == ("failed", "lease_lost", 1)
        assert (first.status, first.error_category, first.attempts) == ("queued", "lease_lost", 1)

        with Caller(server.url, "local-1") as caller:
            # The delay before the retry is not what is tested here.
            assert caller.send("PATCH", f"/jobs/{first.id}", {"scheduledFor": "2026-01-01T00:00:00Z"}).is_accepted
        with running(*ORCHESTRATOR, environment=environment):
            wait_until(lambda: Job.objects.get(id=first.id).status == "completed", seconds=30, what="the next orchestrator ends the job")
            # What the scripts themselves had started could not be ended by the kernel.
            assert not any(pids_with(f"JOBSITE_JOB_ID={job_id}") for job_id in ids)

    assert Attempt.objects.get(job_id=first.id).error_category == "lease_lost"
    assert actions(first) == [
        "enqueue",
        "claim",
        "acknowledge",
        "start",
        "fail",
        "retry",
        "edit",
        "claim",
        "acknowledge",
        "start",
        "complete",
    ]
    assert actions(only) == ["enqueue", "claim", "acknowledge", "start", "fail"]
    for job_id in ids:
        assert_sound(job_id)
