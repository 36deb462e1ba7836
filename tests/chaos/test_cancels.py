"""A cancel ends in time whoever holds the job, and what is told of it is what happened: real orchestrators, a real sweep loop."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from jobs.cancels import Proof, ignored_cancels, proof_of
from jobs.enqueueing import NewJob, enqueue
from jobs.models import Job
from tests.chaos import deaf
from tests.chaos.load import wait_until
from tests.chaos.processes import environment_of_orchestrators, running
from tests.factories import PRODUCER, STAFF
from tests.ledger import actions, assert_sound, entries
from tests.server import running_server

pytestmark = pytest.mark.slow
LEASE, GRACE = 4, 3
SWEEP = ("manage.py", "sweep_stuck_jobs", "--loop", "--interval", "0.5")
DAY = timedelta(days=1)
Hold = Callable[[str], int]


@pytest.fixture
def hold(live_db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hold]:
    """Lets an orchestrator of a kind, `obeying` or `deaf`, take a job of a minute; the pid of its process."""
    monkeypatch.setenv("JOBSITE_HEARTBEAT_LEASE_SECONDS", str(LEASE))
    monkeypatch.setenv("JOBSITE_CANCEL_GRACE_SECONDS", str(GRACE))
    with ExitStack() as site:
        server = site.enter_context(running_server(workers=1))
        site.enter_context(running(*SWEEP))
        environment = site.enter_context(environment_of_orchestrators(server.url))

        def begin(kind: str) -> int:
            if kind == "deaf":
                return site.enter_context(running("-m", "tests.chaos.deaf", server.url, "orch-1")).pid
            return site.enter_context(running("-m", "orchestrator", "--id", "orch-1", "--wait", "1", environment=environment)).pid

        yield begin


@pytest.fixture
def job(live_db: str) -> Job:
    payload = {"script": {"type": "BASH", "content": "sleep 60"}}
    (job,) = enqueue([NewJob(type="script", payload=payload, max_attempts=3)], by=PRODUCER)
    return job


def wait_until_it_beats(job: Job) -> None:
    beating = Job.objects.filter(id=job.id, status="running", kept_by_heartbeats=True)
    wait_until(beating.exists, seconds=30, what="the job runs, and its orchestrator beats")


def ended(job: Job) -> Proof:
    """What is known of the cancel, once the job has ended."""
    wait_until(Job.objects.filter(id=job.id, status="cancelled").exists, seconds=LEASE + GRACE + 10, what="the job is cancelled")
    job.refresh_from_db()
    assert_sound(job.id)
    proof = proof_of(job, entries(job)[::-1])
    assert proof is not None
    return proof


def test_one_that_obeys_has_seen_it_and_has_stopped(hold: Hold, job: Job) -> None:
    hold("obeying")
    wait_until_it_beats(job)
    job.cancel(by=STAFF)
    proof = ended(job)

    assert (proof.outcome, proof.requested_by) == ("stopped by orch-1", "anna")
    assert proof.seen_at is not None
    assert proof.ended is not None
    assert proof.requested_at <= proof.seen_at <= proof.ended.at < proof.requested_at + timedelta(seconds=GRACE)


def test_one_that_is_deaf_has_seen_it_and_is_overruled_and_counted(hold: Hold, job: Job) -> None:
    hold("deaf")
    wait_until_it_beats(job)
    job.cancel(by=STAFF)
    proof = ended(job)

    assert proof.outcome == f"forced; it may still be running on host {deaf.HOST}"
    assert proof.seen_at is not None
    assert "ignored for " in (entries(job)[-1].reason or "")
    assert ignored_cancels("orch-1", DAY) == [1]


def test_one_that_is_dead_never_saw_it(hold: Hold, job: Job) -> None:
    pid = hold("obeying")
    wait_until_it_beats(job)
    os.kill(pid, signal.SIGKILL)
    job.cancel(by=STAFF)
    proof = ended(job)

    assert proof.seen_at is None
    assert proof.outcome.startswith("forced; it may still be running on ")
    assert "never seen by orch-1" in (entries(job)[-1].reason or "")


def test_one_that_is_slow_is_overruled_and_changes_nothing_when_it_comes_back(hold: Hold, job: Job) -> None:
    pid = hold("obeying")
    wait_until_it_beats(job)
    os.kill(pid, signal.SIGSTOP)
    job.cancel(by=STAFF)
    proof = ended(job)
    os.kill(pid, signal.SIGCONT)
    (after,) = enqueue([NewJob(type="script", payload={"script": {"type": "BASH", "content": "echo done"}})], by=PRODUCER)
    wait_until(Job.objects.filter(id=after.id, status="completed").exists, seconds=30, what="it is back at work")

    assert proof.outcome.startswith("forced; it may still be running on ")
    job.refresh_from_db()
    assert (job.status, job.attempts) == ("cancelled", 0)
    assert [action for action in actions(job) if action != "late_report"] == [
        "enqueue",
        "claim",
        "acknowledge",
        "start",
        "cancel_request",
        "cancel",
    ]
