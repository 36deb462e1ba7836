"""Who may still report on a job, and who comes too late."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs import leases
from jobs.actors import Holder
from jobs.lifecycle import AlreadyFinished, LeaseExpired, LeaseLost, NotJobOwner, Status
from jobs.models import AuditEntry, Job
from jobs.outcomes import Report
from tests.factories import JobFactory, claimed
from tests.ledger import assert_sound

pytestmark = pytest.mark.django_db


def expire(job: Job) -> None:
    """Lets time pass for one lease (no status, so no door)."""
    Job.objects.filter(id=job.id).update(lease_expires_at=datetime.now(UTC) - timedelta(seconds=1))


def test_only_the_holder_may_report(other: Holder) -> None:
    job = JobFactory(status="running")

    with pytest.raises(NotJobOwner):
        job.complete(by=other)
    assert Job.objects.get(id=job.id).status == Status.RUNNING


def test_an_earlier_claim_by_the_same_orchestrator_is_refused(holder: Holder) -> None:
    job = JobFactory(status="running")
    job.release(by=holder)
    claimed(job)

    with pytest.raises(LeaseLost):
        job.complete(by=holder, epoch=1)
    assert job.complete(by=holder, epoch=2).verdict == "applied"


def test_an_expired_lease_is_refused_before_any_sweep_has_seen_it(holder: Holder) -> None:
    job = JobFactory(status="running")
    expire(job)

    with pytest.raises(LeaseExpired):
        job.complete(by=holder)
    assert Job.objects.get(id=job.id).status == Status.RUNNING


def test_a_late_verdict_is_kept_once_and_changes_nothing_of_the_job(holder: Holder) -> None:
    job = JobFactory(status="running")
    expire(job)
    before = Job.objects.filter(id=job.id).values("status", "updated_at", "result", "attempts", "lease_expires_at").get()
    for _ in range(2):
        with pytest.raises(LeaseExpired):
            job.fail(Report(error="too late"), by=holder, epoch=1)

    late = AuditEntry.objects.get(job_id=job.id, action="late_report")
    assert late.detail is not None
    assert (late.from_status, late.to_status, late.detail["error"]) == ("running", "running", "too late")
    assert Job.objects.filter(id=job.id).values("status", "updated_at", "result", "attempts", "lease_expires_at").get() == before
    assert_sound(job.id)


def test_a_second_verdict_on_a_finished_run_is_refused(holder: Holder) -> None:
    job = JobFactory(status="completed")

    with pytest.raises(AlreadyFinished):
        job.fail(Report(error="after all"), by=holder)
    assert Job.objects.get(id=job.id).status == Status.COMPLETED


def test_a_renewal_tells_the_lease_it_renewed_whoever_holds_the_job_by_then(holder: Holder, other: Holder) -> None:
    job = JobFactory(status="running")
    token = leases.token_of(job)
    renewed = leases.renew(job.id, by=holder, epoch=1)
    job.release(by=holder)
    claimed(job, other)

    assert renewed is not None
    assert leases.token_of(renewed) == token
    assert leases.renew(job.id, by=holder, epoch=1) is None
