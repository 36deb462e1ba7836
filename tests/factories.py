"""Jobs in every status, made only by the ways that make them in life: enqueue, claim and the verbs."""

from collections.abc import Callable
from typing import Any, cast

from factory.base import Factory
from factory.declarations import LazyFunction, Sequence

from jobs import failure_groups
from jobs.actors import Actor, Holder
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.failure_groups import Failure
from jobs.lifecycle import Status
from jobs.models import FailureGroup, Job
from jobs.outcomes import Report

PRODUCER = Actor.producer("producer-1")
STAFF = Actor.user("anna")
HOLDER = Holder.of("orch-1")
OTHER = Holder.of("orch-2")


class _JobFactory(Factory[Job]):
    """`JobFactory(status="running", max_attempts=3)`: enqueued by PRODUCER, held by HOLDER unless `holder` says otherwise."""

    class Meta:
        model = Job

    type = Sequence(lambda number: f"type-{number}")
    payload = LazyFunction(lambda: {"rows": 3})

    @classmethod
    def _create(cls, model_class: Any, *args: Any, status: str = Status.QUEUED, holder: Holder = HOLDER, **fields: Any) -> Job:
        (job,) = enqueue([NewJob(**fields)], by=PRODUCER)
        _WAY_TO[Status(status)](job, holder)
        return job


def claimed(job: Job, holder: Holder = HOLDER) -> Job:
    """The job, claimed by the holder; of several of its type that wait, the first."""
    (won,) = claim(by=holder, batch_size=1, job_types=[job.type]).jobs
    # A claim brings only what the API tells.
    job.id = won.id
    job.refresh_from_db()
    return job


def running(job: Job, holder: Holder = HOLDER) -> Job:
    claimed(job, holder).start(by=holder)
    return job


def grouped(job: Job) -> FailureGroup:
    """The group of a job that failed, as the fold makes it. (It counts only what is committed, which a test may take back.)"""
    assert job.fingerprint
    assert job.completed_at
    failure_groups.open_groups([Failure(job.fingerprint, job.id, job.epoch, job.completed_at)])
    return FailureGroup.objects.get(fingerprint=job.fingerprint)


def _completed(job: Job, holder: Holder) -> None:
    running(job, holder).complete(Report(exit_code=0), by=holder)


def _failed(job: Job, holder: Holder) -> None:
    running(job, holder).fail(Report(error="it broke", retryable=False), by=holder)


def _cancelled(job: Job, holder: Holder) -> None:
    job.cancel(by=PRODUCER)


_WAY_TO: dict[Status, Callable[[Job, Holder], object]] = {
    Status.QUEUED: lambda job, holder: None,
    Status.CLAIMED: claimed,
    Status.RUNNING: running,
    Status.COMPLETED: _completed,
    Status.FAILED: _failed,
    Status.CANCELLED: _cancelled,
}

# With the type that a caller sees: the factory's own metaclass hides what it makes.
JobFactory: Callable[..., Job] = cast(Any, _JobFactory)
