"""Jobs that went some way through their life, by the verbs and by chance."""

import random
import time
from datetime import timedelta
from typing import Any

from django.utils import timezone

from jobs.enqueueing import NewJob, enqueue
from jobs.lifecycle import Status
from jobs.models import Job
from jobs.outcomes import Report
from tests.factories import HOLDER, PRODUCER, STAFF, claimed


def lived(chance: random.Random, *, job_type: str) -> Job:
    """One that some verbs were said of, whatever they came to; it was scheduled, retried and put forward as it happened.

    Args:
        job_type: that no other job waits under.
    """
    later = timezone.now() + timedelta(milliseconds=chance.choice([-1, 3]))
    (job,) = enqueue([NewJob(type=job_type, max_attempts=3, scheduled_for=later)], by=PRODUCER)
    ways: dict[Status, list[Any]] = {
        Status.QUEUED: [
            *[lambda: _claimed_when_due(job)] * 4,
            lambda: _put_forward(job),
            lambda: job.edit(by=STAFF, priority=70),
            lambda: job.cancel(by=STAFF),
        ],
        Status.CLAIMED: [
            lambda: job.acknowledge(by=HOLDER),
            lambda: job.start(by=HOLDER),
            lambda: job.start(by=HOLDER),
            lambda: job.release(by=HOLDER),
            lambda: job.complete(by=HOLDER),
        ],
        Status.RUNNING: [
            lambda: job.complete(Report(exit_code=0), by=HOLDER),
            lambda: job.fail(Report(error="busy", retry_after_seconds=0), by=HOLDER),
            lambda: job.fail(Report(error="broken", retryable=False), by=HOLDER),
            lambda: _fail_and_put_forward(job),
            lambda: job.cancel(by=STAFF),
            lambda: job.cancel(by=STAFF, force=True),
        ],
        Status.FAILED: [lambda: job.retry(by=STAFF)],
        Status.CANCELLED: [lambda: job.retry(by=STAFF)],
    }
    for _ in range(chance.randrange(1, 14)):
        if not ways.get(Status(job.status)):
            break
        chance.choice(ways[Status(job.status)])()
    job.refresh_from_db()
    return job


def _fail_and_put_forward(job: Job) -> None:
    job.fail(Report(error="busy"), by=HOLDER)
    _put_forward(job)


def _put_forward(job: Job) -> None:
    """A job that waits, for its retry or for nothing, is set for a time that comes at once."""
    if job.status == Status.QUEUED:
        job.edit(by=STAFF, scheduled_for=timezone.now() + timedelta(milliseconds=2))


def _claimed_when_due(job: Job) -> None:
    time.sleep(max(0.0, (job.scheduled_for - timezone.now()).total_seconds()))
    claimed(job)
