"""Who may still report on a job, and who comes too late."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs import leases
from jobs.actors import Actor, Holder
from jobs.lifecycle import HOLD, AlreadyFinished, LeaseExpired, LeaseLost, NotJobOwner, Status
from jobs.models import AuditEntry, Job
from jobs.outcomes import Report
from jobs.transitions import Step, apply
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


@pytest.mark.parametrize("status", Status)
def test_a_hold_is_judged_like_any_report_and_changes_nothing(holder: Holder, status: Status) -> None:
    job = JobFactory(status=status)
    before = Job.objects.filter(id=job.id).values_list().get()
    (ruling,) = apply([Step(job_id=job.id, action=HOLD)], by=holder)

    assert (ruling.verdict == "held") == status.is_live == (not ruling.is_refused)
    assert Job.objects.filter(id=job.id).values_list().get() == before


def test_only_a_holder_can_ask_whether_it_holds(staff: Actor) -> None:
    assert apply([Step(job_id=JobFactory(status="running").id, action=HOLD)], by=staff)[0].verdict == "invalid_transition"


@pytest.mark.parametrize("action", ["start", "complete", "acknowledge", "release", HOLD])
def test_a_fenced_holder_is_not_believed_without_its_token(action: str) -> None:
    fenced = Holder.of("orch-1", fenced=True)
    job = JobFactory(status="claimed")
    without, proven = (apply([Step(job_id=job.id, action=action, epoch=epoch)], by=fenced)[0] for epoch in (None, 1))

    assert (without.verdict, without.refusal(action).code) == ("token_required", "LEASE_TOKEN_REQUIRED")
    assert proven.verdict == ("held" if action == HOLD else "applied")
    assert apply([Step(job_id="job_none", action=action)], by=fenced)[0].verdict == "not_found"


def test_a_refusal_tells_to_abandon_only_what_is_lost(holder: Holder, other: Holder) -> None:
    held, lost = JobFactory(status="running"), JobFactory(status="running", holder=other)
    twice = apply([Step(job_id=held.id, action="start"), Step(job_id=held.id, action=HOLD)], by=holder)[1]
    gone = apply([Step(job_id=lost.id, action=HOLD)], by=holder)[0]

    assert (twice.verdict, twice.next_action) == ("conflict", "continue")
    assert (gone.verdict, gone.next_action) == ("not_owner", "abandon")
