"""Puts the demo on stage: enqueues its jobs, and plays the two parts that no orchestrator of ours plays."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx2
from django.conf import settings
from django.db import transaction

from jobs import leases
from jobs.actors import Actor, Holder
from jobs.claiming import claim
from jobs.demo.scenarios import CONTAINER_TYPE, SCENARIOS, TYPE, Scenario
from jobs.enqueueing import NewJob, enqueue
from jobs.lifecycle import Status, TransitionRefused
from jobs.models import Job

CONTAINER_HOST = "demo-container-host"
PRODUCER = Actor.producer("demo")


def demo_jobs() -> dict[str, Job]:
    """The newest demo set by the keys of its scenarios; empty when there is none."""
    jobs = Job.objects.filter(type__in=[TYPE, CONTAINER_TYPE]).order_by("created_at", "id")
    return {key: job for job in jobs if isinstance(key := job.metadata.get("demo"), str)}


def enqueue_set() -> dict[str, Job]:
    """Enqueues one job for each scenario; the container's is claimed in the same transaction, before anybody else can see it."""
    now = datetime.now(UTC)
    with transaction.atomic():
        jobs = enqueue([_asked(scenario, now) for scenario in SCENARIOS], by=PRODUCER)
        claim(by=Holder.of(CONTAINER_HOST), batch_size=1, job_types=[CONTAINER_TYPE])
    return {scenario.key: job for scenario, job in zip(SCENARIOS, jobs, strict=True)}


def report_container_failure(job: Job, *, url: str, patience_seconds: float, tell: Callable[[str], None]) -> None:
    """Sees that the container job fails as it should, unless it has ended: over HTTP, as a remote container host would.

    A claim that ran out while nobody played, or was given back, is taken again; so an interrupted demo can be taken up.

    Args:
        patience_seconds: how long to wait for a sweep to give back a claim that ran out.

    Raises:
        httpx2.HTTPError: the server can't be reached or refuses.
    """
    until = time.monotonic() + patience_seconds
    while True:
        job.refresh_from_db()
        if Status(job.status).is_terminal:
            return
        if job.status == Status.QUEUED:
            claim(by=Holder.of(CONTAINER_HOST), batch_size=1, job_types=[CONTAINER_TYPE])
        elif job.orchestrator_id != CONTAINER_HOST:
            return tell(f"Job {job.id}, the container failure, was claimed by {job.orchestrator_id}: not reported.")
        elif not Job.objects.stuck().filter(id=job.id).exists():
            return _report_failure(job, url)
        if time.monotonic() > until:
            return tell(f"Job {job.id}, the container failure, could not be claimed again: is a sweeper running?")
        time.sleep(0.2)


def cancel_once_running(job: Job, *, patience_seconds: float, tell: Callable[[str], None]) -> None:
    """Waits until the job runs, then asks for its cancellation; nothing is left to do when it has ended or was asked to before."""
    until = time.monotonic() + patience_seconds
    while True:
        job.refresh_from_db()
        if Status(job.status).is_terminal or job.cancel_requested_at:
            return
        if job.status == Status.RUNNING:
            # A moment, so that its first line can be seen.
            time.sleep(1)
            try:
                job.cancel(by=PRODUCER, reason="the demo cancels this one")
            except TransitionRefused as refused:
                tell(f"Not cancelled: {refused}")
            return
        if time.monotonic() > until:
            return tell(f"Job {job.id} did not start within {patience_seconds:.0f} s, so it was not cancelled: is an orchestrator running?")
        time.sleep(0.5)


def _report_failure(job: Job, url: str) -> None:
    headers = {
        "Authorization": f"Bearer {settings.INTERNAL_API_KEYS[0]}",
        "X-Orchestrator-ID": CONTAINER_HOST,
        "X-Lease-Token": leases.token_of(job),
    }
    error = {
        "type": "container",
        "code": "IMAGE_PULL_FAILED",
        "message": "pull access denied for registry.example/report:7: the repository does not exist or needs a login",
        "retryable": False,
    }
    with httpx2.Client(base_url=f"{url}/api/internal/jobs/{job.id}", headers=headers, timeout=10) as client:
        client.put("/status", json={"status": "running"}).raise_for_status()
        client.post("/fail", json={"error": error, "exitCode": 125}).raise_for_status()


def _asked(scenario: Scenario, now: datetime) -> NewJob:
    return NewJob(
        type=TYPE if scenario.script is not None else CONTAINER_TYPE,
        payload=scenario.payload,
        metadata={"demo": scenario.key, "title": scenario.title},
        priority=scenario.priority,
        # A second more: the job is made a moment after `now`, and must not be claimed sooner after that than it says.
        scheduled_for=now + timedelta(seconds=scenario.delay_seconds + 1) if scenario.delay_seconds else None,
        max_attempts=scenario.max_attempts,
        timeout_seconds=scenario.timeout_seconds,
    )
