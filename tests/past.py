"""Jobs that ended long ago, and what they had written."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from jobs import logs
from jobs.lifecycle import Status
from jobs.models import Job
from jobs.outcomes import Report
from tests.factories import HOLDER, STAFF, JobFactory, claimed

LONG_AGO = timedelta(days=300)


def ended(status: str, *, days: float, lines: int = 0, **fields: Any) -> Job:
    """A job that ended so many days ago, and had run before and been retried."""
    job: Job = JobFactory(status="running", max_attempts=2, **fields)
    job.fail(Report(error="busy", retry_after_seconds=0), by=HOLDER)
    claimed(job)
    if lines:
        write(job, lines)
    {
        "completed": lambda: job.complete(by=HOLDER),
        "failed": lambda: job.fail(Report(error="it broke"), by=HOLDER),
        "cancelled": lambda: job.cancel(by=STAFF, force=True),
    }[status]()
    return put_back(job, days=days)


def put_back(job: Job, *, days: float) -> Job:
    then = timezone.now() - timedelta(days=days)
    ends = {"completed_at": then} if Status(job.status).is_terminal else {}
    Job.objects.filter(id=job.id).update(created_at=timezone.now() - LONG_AGO, updated_at=then, **ends)
    job.refresh_from_db()
    return job


def write(job: Job, lines: int) -> None:
    entries = [{"sequence": number, "stream": "stdout", "line": f"line {number}"} for number in range(lines)]
    logs.append(job.id, entries, by=HOLDER, epoch=job.epoch)
