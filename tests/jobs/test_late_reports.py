"""Verdicts that come too late, and which claim a caller without a token speaks of."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection

from jobs.actors import Actor
from jobs.lifecycle import AlreadyFinished, NotJobOwner
from jobs.models import AuditEntry, Job
from jobs.outcomes import Report, judge
from jobs.sweeps import sweep
from jobs.transitions import Step, apply
from tests.factories import HOLDER, STAFF, JobFactory, claimed, running


def lapse(job: Job) -> None:
    Job.objects.filter(id=job.id).update(lease_expires_at=datetime.now(UTC) - timedelta(seconds=1))


@pytest.mark.django_db
def test_an_earlier_verdict_of_the_caller_does_not_hide_that_this_one_is_late() -> None:
    job = JobFactory(status="running", max_attempts=3)
    job.fail(Report(error="first", retry_after_seconds=0), by=HOLDER)
    running(job)
    lapse(job)
    sweep(by=Actor.sweep())

    with pytest.raises(NotJobOwner):
        job.complete(Report(exit_code=0), by=HOLDER)
    assert AuditEntry.objects.get(job_id=job.id, action="late_report").epoch == 2


@pytest.mark.django_db
def test_a_caller_whose_last_claim_has_ended_is_told_so() -> None:
    job = JobFactory(status="running", max_attempts=3)
    job.fail(Report(error="first", retry_after_seconds=0), by=HOLDER)

    with pytest.raises(AlreadyFinished):
        job.complete(Report(exit_code=0), by=HOLDER)


@pytest.mark.django_db
def test_what_was_said_before_this_claim_is_judged_by_the_one_before_it() -> None:
    job = JobFactory(status="running", max_attempts=3)
    job.fail(Report(error="first", retry_after_seconds=0), by=HOLDER)
    first_run_ended = datetime.now(UTC)
    running(job)
    again, of_the_second = (
        Step.ending(judge(Report(exit_code=0)), job_id=job.id, stated_at=stated) for stated in (first_run_ended, datetime.now(UTC))
    )

    assert apply([again], by=HOLDER)[0].verdict == "already_finished"
    assert not AuditEntry.objects.filter(job_id=job.id, action="late_report").exists()
    assert apply([of_the_second], by=HOLDER)[0].verdict == "applied"


@pytest.mark.django_db
def test_a_stamp_with_a_fraction_is_taken_at_its_word() -> None:
    job = JobFactory(status="running")
    assert job.claimed_at is not None
    before = job.claimed_at.replace(microsecond=0) + timedelta(microseconds=1)
    whole = job.claimed_at.replace(microsecond=0)
    stamped = [Step.ending(judge(Report(exit_code=0)), job_id=job.id, stated_at=at) for at in (before, whole)]

    assert [apply([step], by=HOLDER)[0].verdict for step in stamped] == (
        ["not_owner", "applied"] if before < job.claimed_at else ["applied", "already_finished"]
    )


def test_reports_that_wait_for_the_same_row_leave_one_late_report(live_db: str) -> None:
    job = JobFactory(status="running")
    lapse(job)

    def report(number: int) -> str:
        try:
            (ruling,) = apply([Step.ending(judge(Report(error=f"late {number}")), job_id=job.id)], by=HOLDER)
            return ruling.verdict
        finally:
            connection.close()

    with psycopg.connect(live_db) as neighbour, ThreadPoolExecutor(3) as threads:
        neighbour.execute("select from jobs where id = %s for update", [job.id])
        told = [threads.submit(report, number) for number in range(3)]
        _until_waiting(3)
        neighbour.commit()
        assert [one.result(timeout=10) for one in told] == ["lease_expired"] * 3

    assert AuditEntry.objects.filter(job_id=job.id, action="late_report").count() == 1


@pytest.mark.django_db
def test_an_acknowledged_claim_that_is_lost_is_not_a_wasted_one() -> None:
    job = JobFactory()
    for _ in range(6):
        claimed(job).acknowledge(by=HOLDER)
        lapse(job)
        sweep(by=Actor.sweep())

    job.refresh_from_db()
    assert (job.status, job.claim_losses) == ("queued", 0)


@pytest.mark.django_db
def test_an_edit_leaves_a_job_at_least_one_attempt() -> None:
    job = JobFactory(status="running", max_attempts=3)
    job.fail(Report(error="busy"), by=HOLDER)
    (ruling,) = apply([Step(job_id=job.id, action="edit", max_attempts=1)], by=STAFF)

    assert ruling.verdict == "attempts_spent"
    assert ruling.refusal("edit").code == "CONFLICT"


def _until_waiting(count: int) -> None:
    """Until so many sessions wait for a lock."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()")
            (waiting,) = cursor.fetchone()
        if waiting >= count:
            return
        time.sleep(0.02)
    raise AssertionError(f"only {waiting} of {count} wait")
