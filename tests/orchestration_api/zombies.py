"""Those who must not report on a job: how they came to be so, and what is due to each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.utils.timezone import now

from jobs import leases
from jobs.actors import Actor
from jobs.models import Job
from jobs.outcomes import Report
from jobs.sweeps import sweep
from tests.factories import HOLDER, OTHER, STAFF, JobFactory, claimed, running

STRANGER = "orch-3"
FORGED = "1." + "A" * 22


@dataclass(frozen=True)
class Zombie:
    """A caller whose reports must not be let in.

    Attributes:
        code: what every report is answered.
        token, body_token: sent in the header and in the body.
        stamped_before: the report says that it was sent before the present claim.
        late: the claim that it proves to have held, whose verdict is kept.
        logs_late: lines of that claim are still taken.
    """

    name: str
    code: str
    token: str | None = None
    body_token: str | None = None
    stamped_before: bool = False
    late: int | None = None
    logs_late: bool = False


# --- the job: HOLDER had it as claim 1, and lost it -----------------------------------------------------------------


def lapse(job: Job) -> None:
    Job.objects.filter(id=job.id).update(lease_expires_at=now() - timedelta(seconds=1))


def given_back(then: Callable[[Job], object]) -> Callable[[], Job]:
    def make() -> Job:
        job = JobFactory(status="running", max_attempts=3)
        job.release(by=STAFF)
        then(job)
        return job

    return make


def swept(max_attempts: int) -> Callable[[], Job]:
    def make() -> Job:
        job = JobFactory(status="running", max_attempts=max_attempts)
        lapse(job)
        sweep(by=Actor.sweep())
        return job

    return make


def cancelling(job: Job) -> Job:
    running(job, OTHER).cancel(by=STAFF)
    return job


STATES: dict[str, Callable[[], Job]] = {
    "queued again": given_back(lambda job: None),
    "claimed by another": given_back(lambda job: claimed(job, OTHER)),
    "running by another": given_back(lambda job: running(job, OTHER)),
    "claimed again": given_back(claimed),
    "running again": given_back(running),
    "cancel pending": given_back(cancelling),
    "completed": given_back(lambda job: running(job, OTHER).complete(Report(exit_code=0), by=OTHER)),
    "failed": given_back(lambda job: running(job, OTHER).fail(Report(error="no", retryable=False), by=OTHER)),
    "cancelled": given_back(lambda job: cancelling(job).cancel(by=OTHER)),
    "queued by the sweep": swept(max_attempts=2),
    "failed by the sweep": swept(max_attempts=1),
}

# --- the zombies ----------------------------------------------------------------------------------------------------


def of_an_older_claim(job: Job) -> Zombie:
    return Zombie(HOLDER.name, "LEASE_LOST", token=old_token_of(job), late=1, logs_late=True)


def without_a_token_of_an_older_claim(job: Job) -> Zombie:
    return Zombie(HOLDER.name, "NOT_JOB_OWNER", late=1, logs_late=True)


def stamped_before_this_claim(job: Job) -> Zombie:
    return Zombie(HOLDER.name, "NOT_JOB_OWNER", stamped_before=True, late=1)


def whose_lease_ran_out(job: Job) -> Zombie:
    lapse(job)
    return Zombie(str(held_by(job)), "LEASE_EXPIRED", token=leases.token_of(job), late=2, logs_late=True)


def a_stranger(job: Job) -> Zombie:
    return Zombie(STRANGER, "NOT_JOB_OWNER")


def with_a_forged_token(job: Job) -> Zombie:
    return Zombie(held_by(job) or HOLDER.name, "LEASE_LOST", token=FORGED)


def with_a_token_of_another_job(job: Job) -> Zombie:
    return Zombie(HOLDER.name, "LEASE_LOST", token=leases.token_of(JobFactory(status="running")))


def with_a_token_of_another_orchestrator(job: Job) -> Zombie:
    return Zombie(STRANGER, "LEASE_LOST", token=leases.token_of(job) if held_by(job) else old_token_of(job))


def with_two_tokens_that_disagree(job: Job) -> Zombie:
    right = leases.token_of(job) if held_by(job) else old_token_of(job)
    return Zombie(held_by(job) or HOLDER.name, "LEASE_LOST", token=right, body_token=FORGED)


def old_token_of(job: Job) -> str:
    """The token of claim 1."""
    return leases.token_of(Job(id=job.id, epoch=1, orchestrator_id=HOLDER.name))


def held_by(job: Job) -> str | None:
    """Who holds the job now."""
    return job.orchestrator_id if job.status in ("claimed", "running") else None


HELD_AGAIN = {"claimed again", "running again"}
HELD = HELD_AGAIN | {"claimed by another", "running by another", "cancel pending"}
# Each with the states in which there can be one.
ZOMBIES: dict[Callable[[Job], Zombie], set[str]] = {
    of_an_older_claim: set(STATES),
    without_a_token_of_an_older_claim: set(STATES) - HELD_AGAIN,
    stamped_before_this_claim: HELD_AGAIN,
    whose_lease_ran_out: HELD,
    a_stranger: set(STATES),
    with_a_forged_token: set(STATES),
    with_a_token_of_another_job: set(STATES),
    with_a_token_of_another_orchestrator: set(STATES),
    with_two_tokens_that_disagree: set(STATES),
}
