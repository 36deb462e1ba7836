"""What time itself changes."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from jobs.actors import Actor, Holder
from jobs.enqueueing import NewJob, enqueue
from jobs.lifecycle import Status
from jobs.models import AuditEntry, Job
from jobs.sweeps import sweep
from tests.factories import JobFactory, claimed
from tests.ledger import actions, assert_sound, entries

pytestmark = pytest.mark.django_db
SWEEPER = Actor.sweep()
# In a sentence.
MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


def ago(job: Job, **columns: int) -> Job:
    """Sets times of a job to so many seconds ago."""
    now = datetime.now(UTC)
    Job.objects.filter(id=job.id).update(**{name: now - timedelta(seconds=seconds) for name, seconds in columns.items()})
    return job


def test_an_expired_claim_goes_back_to_the_queue() -> None:
    job = ago(JobFactory(status="claimed"), lease_expires_at=1)
    done = sweep(by=SWEEPER)

    job.refresh_from_db()
    assert [(one.job_id, one.was, one.became, one.rule) for one in done.swept] == [(job.id, "claimed", "queued", "unacknowledged")]
    assert (job.status, job.attempts, job.claim_losses, job.due) == (Status.QUEUED, 0, 1, True)
    entry = entries(job)[-1]
    assert (entry.action, entry.actor_kind, entry.detail) == ("release", "sweep", {"rule": "unacknowledged"})
    assert re.fullmatch(
        rf"orch-1 claimed it at {MOMENT} and did not acknowledge it: .* ran out at {MOMENT}, the 1\. of 5 in a row\.", entry.reason or ""
    )
    assert_sound(job.id)


def test_a_claim_that_runs_out_five_times_ends_the_job() -> None:
    job = JobFactory(max_attempts=3)
    for _ in range(5):
        ago(claimed(job), lease_expires_at=1)
        sweep(by=SWEEPER)

    job.refresh_from_db()
    assert (job.status, job.error_category, job.attempts) == (Status.FAILED, "system", 1)
    assert "5 times" in (job.last_error or "")
    assert_sound(job.id)


def test_an_expired_run_fails_as_lease_lost() -> None:
    job = ago(JobFactory(status="running"), lease_expires_at=1)
    sweep(by=SWEEPER)

    job.refresh_from_db()
    assert (job.status, job.error_category, job.attempts, job.orchestrator_id) == (Status.FAILED, "lease_lost", 1, "orch-1")
    assert job.result == {"error": 'The lease ran out: no sign of life from "orch-1"'}
    assert_sound(job.id)


def test_an_expired_run_with_attempts_left_is_tried_again() -> None:
    job = ago(JobFactory(status="running", max_attempts=2), lease_expires_at=1)
    sweep(by=SWEEPER)

    job.refresh_from_db()
    assert (job.status, job.attempts) == (Status.QUEUED, 1)
    assert actions(job)[-2:] == ["fail", "retry"]
    assert_sound(job.id)


def test_a_run_past_its_timeout_and_grace_is_a_timeout() -> None:
    job = ago(JobFactory(status="running", timeout_seconds=60), lease_expires_at=1, started_at=181)
    sweep(by=SWEEPER)

    job.refresh_from_db()
    assert (job.status, job.error_category, job.last_error) == (Status.FAILED, "timeout", "Timed out after 60 s")


def test_a_cancel_that_nobody_obeys_is_forced(producer: Actor) -> None:
    overdue, fresh = JobFactory(status="running"), JobFactory(status="running")
    for job in (overdue, fresh):
        job.cancel(by=producer)
    ago(overdue, cancel_requested_at=61)
    sweep(by=SWEEPER)

    assert [Job.objects.get(id=job.id).status for job in (overdue, fresh)] == ["cancelled", "running"]
    assert re.fullmatch(
        rf"Cancel requested by producer-1 at {MOMENT}, never seen by orch-1, ignored for 6\d s: forced\. "
        r"It may still be running at orch-1, of which no host is known\.",
        entries(overdue)[-1].reason or "",
    )
    assert_sound(overdue.id)


@pytest.mark.parametrize("status", ["claimed", "running"])
def test_a_lost_lease_with_a_cancel_pending_ends_cancelled(status: str, producer: Actor) -> None:
    job = JobFactory(status=status, max_attempts=5)
    job.cancel(by=producer)
    ago(job, lease_expires_at=1)
    sweep(by=SWEEPER)

    assert Job.objects.get(id=job.id).status == Status.CANCELLED


def test_live_jobs_are_left_alone_however_old() -> None:
    job = ago(JobFactory(status="running", timeout_seconds=14_400), started_at=10_800, claimed_at=10_800)

    assert sweep(by=SWEEPER).swept == []
    assert Job.objects.get(id=job.id).status == Status.RUNNING


def test_a_dry_run_tells_what_the_real_one_then_does_and_changes_nothing() -> None:
    jobs = [ago(JobFactory(status="running"), lease_expires_at=1) for _ in range(3)]
    before = AuditEntry.objects.count()
    foretold = sweep(by=SWEEPER, dry_run=True)

    assert AuditEntry.objects.count() == before
    assert {Job.objects.get(id=job.id).status for job in jobs} == {"running"}
    assert [one.job_id for one in sweep(by=SWEEPER).swept] == [one.job_id for one in foretold.swept]


def test_no_more_than_the_limit_is_swept() -> None:
    for _ in range(3):
        ago(JobFactory(status="claimed"), lease_expires_at=1)

    assert len(sweep(by=SWEEPER, limit=2).swept) == 2
    assert len(sweep(by=SWEEPER).swept) == 1


def test_jobs_whose_time_has_come_become_claimable(producer: Actor) -> None:
    (job,) = enqueue([NewJob(type="a", scheduled_for=datetime.now(UTC) + timedelta(hours=1))], by=producer)
    ago(job, scheduled_for=1)

    assert sweep(by=SWEEPER).came_due == 1
    assert Job.objects.get(id=job.id).due


def test_a_swept_holder_is_refused(holder: Holder) -> None:
    from jobs.lifecycle import LeaseLost, NotJobOwner

    job = ago(JobFactory(status="running"), lease_expires_at=1)
    sweep(by=SWEEPER)
    with pytest.raises((LeaseLost, NotJobOwner)):
        job.complete(by=holder)
    with pytest.raises(LeaseLost):
        job.complete(by=holder, epoch=1)
    assert Job.objects.get(id=job.id).status == Status.FAILED
