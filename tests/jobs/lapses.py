"""Jobs whose holders were lost, and that remember it."""

from datetime import UTC, datetime, timedelta

from jobs.actors import Actor, Holder
from jobs.models import Job
from jobs.sweeps import sweep
from tests.factories import HOLDER, running


def lose(job: Job, holder: Holder = HOLDER) -> None:
    """A run of the job is lost."""
    Job.objects.filter(id=job.id, status="queued").update(due=True, scheduled_for=datetime.now(UTC))
    running(job, holder)
    expire(job)


def expire(job: Job) -> None:
    Job.objects.filter(id=job.id).update(lease_expires_at=datetime.now(UTC) - timedelta(seconds=1))
    sweep(by=Actor.sweep(), force=True)
    job.refresh_from_db()


def let_pass(job: Job, span: timedelta) -> None:
    """Moves what the job remembers into the past."""
    job.refresh_from_db()
    for name in ("lease_losses", "releases"):
        moments = getattr(job, name)
        Job.objects.filter(id=job.id).update(**{name: moments and [moment - span for moment in moments]})


def due(job: Job) -> Job:
    """The job, to be claimed now."""
    Job.objects.filter(id=job.id).update(due=True, scheduled_for=datetime.now(UTC))
    return job
