"""What an outage does, and a way through it: running jobs whose leases have run out, time that goes by, somebody who is overdue."""

from datetime import timedelta
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from jobs import transitions
from jobs.actors import Actor
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.models import Job, Watch
from jobs.sweeps import sweep
from jobs.transitions import Step
from tests.factories import HOLDER, PRODUCER

LEASE = timedelta(seconds=90)


def running(count: int, *, expired: int = 0, **fields: Any) -> list[Job]:
    """So many running jobs of HOLDER; the leases of the first few have run out."""
    enqueue([NewJob(type="work", **fields) for _ in range(count)], by=PRODUCER)
    jobs = claim(by=HOLDER, batch_size=count).jobs
    transitions.apply([Step(job_id=job.id, action="start") for job in jobs], by=HOLDER)
    expire(jobs[:expired])
    return jobs


def expire(jobs: list[Job]) -> None:
    Job.objects.filter(id__in=[job.id for job in jobs]).update(lease_expires_at=Now())


def swept(**options: Any) -> int:
    """How many jobs a sweep moved."""
    return len(sweep(by=Actor.sweep(), **options).swept)


def pass_by(span: timedelta) -> None:
    """Lets time go by: all that is kept in the database of it moves into the past."""
    Job.objects.update(lease_expires_at=F("lease_expires_at") - span, started_at=F("started_at") - span)
    names = ("sweeper_due_by", "web_due_by", "brake_since", "brake_until", "brake_from")
    Watch.objects.update(**{name: F(name) - span for name in names})


def overdue(role: str) -> None:
    """A role has promised to be there by a moment that has just passed."""
    Watch.objects.update(**{f"{role}_due_by": Now() - timedelta(seconds=1)})
