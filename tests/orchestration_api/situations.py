"""What a report may find: jobs in every situation in which its sender can be."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from jobs.models import Job
from jobs.outcomes import Report
from tests.factories import HOLDER, OTHER, PRODUCER, JobFactory, claimed, running


def _expired() -> Job:
    job = JobFactory(status="running")
    Job.objects.filter(id=job.id).update(lease_expires_at=datetime.now(UTC) - timedelta(seconds=1))
    return job


def _cancelling() -> Job:
    job = JobFactory(status="running")
    job.cancel(by=PRODUCER)
    return job


def _retried() -> Job:
    job = JobFactory(status="running", max_attempts=3)
    job.fail(Report(error="busy", retry_after_seconds=0), by=HOLDER, epoch=1)
    return job


def _held_again() -> Job:
    job = JobFactory(status="running")
    job.release(by=HOLDER, epoch=1)
    return running(job)


def _taken_over() -> Job:
    job = JobFactory(status="running")
    job.release(by=HOLDER, epoch=1)
    return claimed(job, OTHER)


# Each is one of the sender's, HOLDER's, or was, or never was; the first claim of it has epoch 1.
SITUATIONS: dict[str, Callable[[], Job]] = {
    "queued": JobFactory,
    "claimed": lambda: JobFactory(status="claimed"),
    "claimed with attempts left": lambda: JobFactory(status="claimed", max_attempts=3),
    "running": lambda: JobFactory(status="running"),
    "completed": lambda: JobFactory(status="completed"),
    "failed": lambda: JobFactory(status="failed"),
    "cancelled": lambda: JobFactory(status="cancelled"),
    "cancelling": _cancelling,
    "expired": _expired,
    "retried": _retried,
    "held again": _held_again,
    "taken over": _taken_over,
    "another's": lambda: JobFactory(status="running", holder=OTHER),
}
