"""How failures are tried again: as the job says, else its type, else everybody; and what became of each attempt stays readable."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from jobs import job_types
from jobs.actors import Actor, Holder
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.failures import NOT_RETRYABLE, Category
from jobs.models import Attempt, AuditEntry, Job
from jobs.outcomes import Report, judge
from jobs.sweeps import sweep
from jobs.transitions import Step, apply
from tests.factories import HOLDER, PRODUCER, STAFF, JobFactory, running
from tests.ledger import assert_sound

pytestmark = pytest.mark.django_db
Sql = Callable[..., list[tuple[Any, ...]]]
WHY = "the service behind it is slow"
BASE, CAP = "backoff_base_seconds", "backoff_cap_seconds"
WIRE_BASE, WIRE_CAP = "backoffBaseSeconds", "backoffCapSeconds"
# What the type says, what the job says, and the longest pause before each further attempt that comes of it.
POLICIES: dict[str, tuple[dict[str, Any], dict[str, int] | None, list[float]]] = {
    "nobody's": ({}, None, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]),
    "the type's": ({BASE: 3, CAP: 50}, None, [3, 6, 12, 24, 48, 50, 50]),
    "the job's": ({BASE: 3, CAP: 50}, {WIRE_BASE: 7, WIRE_CAP: 20}, [7, 14, 20, 20]),
    "the job's base, the type's cap": ({BASE: 3, CAP: 50}, {WIRE_BASE: 40}, [40, 50, 50]),
    "the type's base, the job's cap": ({BASE: 3}, {WIRE_CAP: 5}, [3, 5, 5]),
    "no pause": ({BASE: 0}, None, [0, 0, 0]),
    "a cap below the base": ({BASE: 100, CAP: 10}, None, [10, 10]),
}


def configure(name: str = "a", /, **changes: Any) -> None:
    job_types.configure(name, by=STAFF, reason=WHY, **changes)


def fail(job: Job, **said: Any) -> Job:
    """Runs the job and fails it."""
    running(job).fail(Report(**{"error": "it broke", **said}), by=HOLDER)
    job.refresh_from_db()
    return job


def let_run(job: Job) -> None:
    """Its pause is over."""
    job.edit(by=STAFF, scheduled_for=job.created_at)


@pytest.mark.parametrize("whose", POLICIES)
def test_the_pause_before_each_attempt_doubles_up_to_the_cap_half_of_it_by_chance(whose: str, sql: Sql) -> None:
    said_of_type, said_of_job, longest = POLICIES[whose]
    configure(**said_of_type)
    job = JobFactory(type="a", max_attempts=len(longest) + 1, retry_policy=said_of_job)

    for attempt, most in enumerate(longest):
        running(job)
        sql("select setseed(%s)", attempt / 100)
        job.fail(Report(error="it broke"), by=HOLDER)
        sql("select setseed(%s)", attempt / 100)
        ((chance,),) = sql("select random()")
        job.refresh_from_db()

        pause = job.scheduled_for - job.updated_at
        assert timedelta(seconds=most / 2) <= pause <= timedelta(seconds=most)
        assert pause.total_seconds() == pytest.approx(most * (0.5 + chance / 2), abs=1e-6)
        assert AuditEntry.objects.get(job_id=job.id, sequence=job.audit_seq).detail == {
            "delaySeconds": pytest.approx(pause.total_seconds(), abs=0.001)
        }
        let_run(job)


def test_what_failed_together_does_not_come_back_together(sql: Sql) -> None:
    enqueue([NewJob(type="a", max_attempts=2) for _ in range(200)], by=PRODUCER)
    jobs = claim(by=HOLDER, batch_size=200).jobs
    sql("select setseed(0.5)")
    apply([Step.ending(judge(Report(error="it broke", exit_code=1)), job_id=job.id) for job in jobs], by=HOLDER)

    pauses = [(job.scheduled_for - job.updated_at).total_seconds() for job in Job.objects.filter(status="queued")]
    assert len(pauses) == 200
    assert 5 <= min(pauses) < 5.5
    assert 9.5 < max(pauses) <= 10
    assert all(sum(bottom <= pause < bottom + 1 for pause in pauses) >= 20 for bottom in range(5, 10))


def test_a_pause_that_the_reporter_asks_for_is_kept_to_the_second() -> None:
    configure(backoff_base_seconds=600)
    job = fail(JobFactory(type="a", max_attempts=2), retry_after_seconds=7)

    assert job.scheduled_for - job.updated_at == timedelta(seconds=7)


@pytest.mark.parametrize("category", Category)
@pytest.mark.parametrize("of_type", [None, [], ["network", "validation"]], ids=["of none", "none of the type", "two of the type"])
@pytest.mark.parametrize("of_job", [None, [], ["permission", "network"]], ids=["", "none of the job", "two of the job"])
def test_a_category_is_tried_again_as_job_type_or_everybody_says(
    category: Category, of_type: list[str] | None, of_job: list[str] | None
) -> None:
    configure(retryable_categories=of_type)
    policy = None if of_job is None else {"retryableCategories": of_job}
    job = fail(JobFactory(type="a", max_attempts=2, retry_policy=policy), category=category.value)

    asked = of_job if of_job is not None else of_type
    assert job.status == ("queued" if (category not in NOT_RETRYABLE if asked is None else category in asked) else "failed")
    assert_sound(job.id)


def test_what_is_said_of_the_failure_itself_wins(staff: Actor) -> None:
    configure(retryable_categories=["network"])
    hopeless = fail(JobFactory(type="a", max_attempts=2), category="network", retryable=False)
    hopeful = fail(JobFactory(type="a", max_attempts=2), category="validation", retryable=True)
    in_the_error = fail(JobFactory(type="a", max_attempts=2), category="validation", error={"message": "no", "retryable": True})

    assert (hopeless.status, hopeful.status, in_the_error.status) == ("failed", "queued", "queued")


@pytest.mark.parametrize(("of_type", "becomes"), [(None, "queued"), (["network"], "failed"), (["lease_lost"], "queued")])
def test_a_lost_lease_is_judged_by_the_policy_too(of_type: list[str] | None, becomes: str) -> None:
    configure(retryable_categories=of_type, backoff_base_seconds=300)
    job = JobFactory(type="a", max_attempts=2, status="running")
    Job.objects.filter(id=job.id).update(lease_expires_at=Now() - timedelta(seconds=1))
    sweep(by=Actor.sweep())
    job.refresh_from_db()

    assert (job.status, job.error_category) == (becomes, "lease_lost")
    assert becomes == "failed" or job.scheduled_for - job.updated_at >= timedelta(seconds=150)


def test_pauses_and_categories_are_those_of_the_moment_it_fails() -> None:
    job = JobFactory(type="a", max_attempts=3)
    configure(backoff_base_seconds=1000)
    fail(job)
    assert job.scheduled_for - job.updated_at >= timedelta(seconds=500)
    let_run(job)
    configure(retryable_categories=[])

    assert fail(job).status == "failed"


def test_attempts_and_time_are_taken_when_it_is_made_where_its_producer_does_not_say() -> None:
    before = JobFactory(type="a")
    configure(max_attempts=4, timeout_seconds=60)
    after, own = JobFactory(type="a"), JobFactory(type="a", max_attempts=1, timeout_seconds=7)
    other = JobFactory(type="b")
    configure(max_attempts=None)

    assert (before.max_attempts, before.timeout_seconds) == (1, 3600)
    assert (after.max_attempts, after.timeout_seconds) == (4, 60)
    assert (own.max_attempts, own.timeout_seconds) == (1, 7)
    assert (other.max_attempts, other.timeout_seconds) == (1, 3600)
    after.refresh_from_db()
    assert (after.max_attempts, after.timeout_seconds) == (4, 60)
    assert JobFactory(type="a").max_attempts == 1


def test_a_job_run_again_keeps_what_was_said_of_it() -> None:
    policy = {"backoffBaseSeconds": 5, "retryableCategories": ["network"]}
    job = JobFactory(type="a", status="completed", max_attempts=3, timeout_seconds=9, retry_policy=policy)
    configure(max_attempts=8, timeout_seconds=80)
    again = job.run_again(by=PRODUCER)
    again.refresh_from_db()

    assert (again.max_attempts, again.timeout_seconds, again.retry_policy) == (3, 9, policy)


def test_every_failed_attempt_stays_readable_whatever_the_policies_were(holder: Holder) -> None:
    job = JobFactory(type="a", max_attempts=5)
    said: list[tuple[str, str, int]] = [("no route", "network", 7), ("no memory", "resource", 137), ("no such row", "exception", 1)]
    for number, (error, category, exit_code) in enumerate(said):
        configure(backoff_base_seconds=number, retryable_categories=[category])
        fail(job, error=error, category=category, exit_code=exit_code, output=f"run {number}")
        let_run(job)
    configure(retryable_categories=["network"])
    fail(job, error="the last straw", category="exception")

    assert (job.status, job.attempts, job.last_error) == ("failed", 4, "the last straw")
    kept = [(run.last_error, run.error_category, run.exit_code) for run in Attempt.objects.filter(job_id=job.id).order_by("epoch")]
    assert kept == said
    assert [run.number for run in Attempt.objects.filter(job_id=job.id).order_by("epoch")] == [1, 2, 3]
    assert [(run.result or {})["output"] for run in Attempt.objects.filter(job_id=job.id).order_by("epoch")] == ["run 0", "run 1", "run 2"]
    told = AuditEntry.objects.filter(job_id=job.id, action="fail").order_by("sequence")
    assert [(entry.detail or {})["error"] for entry in told] == [*(error for error, _, _ in said), "the last straw"]
    assert_sound(job.id)


def test_without_a_row_of_its_type_a_job_fails_as_everybody_does(sql: Sql) -> None:
    job = JobFactory(type="a", max_attempts=2)
    sql("delete from job_types")
    began: datetime = fail(job).updated_at

    assert job.status == "queued"
    assert timedelta(seconds=5) <= job.scheduled_for - began <= timedelta(seconds=10)
