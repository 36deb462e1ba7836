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


def report_container_failure(job: Job, *, url: str) -> None:
    """Runs and fails the container job over HTTP, as a remote container host would.

    Raises:
        httpx2.HTTPError: the server can't be reached or refuses.
    """
    job.refresh_from_db()
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


def cancel_once_running(job: Job, *, patience_seconds: float, tell: Callable[[str], None]) -> None:
    """Waits until the job runs, then asks for its cancellation."""
    until = time.monotonic() + patience_seconds
    while time.monotonic() < until:
        job.refresh_from_db()
        if job.status == Status.RUNNING:
            # A moment, so that its first line can be seen.
            time.sleep(1)
            try:
                job.cancel(by=PRODUCER, reason="the demo cancels this one")
            except TransitionRefused as refused:
                tell(f"Not cancelled: {refused}")
            return
        if Status(job.status).is_terminal:
            return
        time.sleep(0.5)
    tell(f"Job {job.id} did not start within {patience_seconds:.0f} s, so it was not cancelled: is an orchestrator running?")


def _asked(scenario: Scenario, now: datetime) -> NewJob:
    return NewJob(
        type=TYPE if scenario.script is not None else CONTAINER_TYPE,
        payload=scenario.payload,
        metadata={"demo": scenario.key, "title": scenario.title},
        priority=scenario.priority,
        scheduled_for=now + timedelta(seconds=scenario.delay_seconds) if scenario.delay_seconds else None,
        max_attempts=scenario.max_attempts,
        timeout_seconds=scenario.timeout_seconds,
    )
