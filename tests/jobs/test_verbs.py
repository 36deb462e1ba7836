"""What each verb of a job does to it."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.actors import Actor, Holder
from jobs.enqueueing import NewJob, enqueue
from jobs.lifecycle import Conflict, InvalidTransition, Status
from jobs.models import Attempt, Job
from jobs.outcomes import Report
from jobs.transitions import Step, apply
from tests.factories import JobFactory, claimed, running
from tests.ledger import actions, assert_sound, entries

pytestmark = pytest.mark.django_db


def test_a_new_job_waits_in_the_queue_with_its_first_entry(producer: Actor) -> None:
    job = JobFactory()

    (entry,) = entries(job)
    assert (job.status, job.attempts, job.epoch, job.created_by) == (Status.QUEUED, 0, 0, producer.name)
    assert (entry.sequence, entry.action, entry.from_status, entry.to_status, entry.actor_kind) == (
        0,
        "enqueue",
        None,
        "queued",
        "producer",
    )
    assert_sound(job.id)


@pytest.mark.parametrize(
    "asked",
    [
        NewJob(type="t"),
        NewJob(type="t", payload={"b": [1.5, None, "ä"], "a": {}}, metadata={"k": 1}, priority=7, max_attempts=3, timeout_seconds=5),
        NewJob(type="t", payload=0, scheduled_for=datetime(2099, 1, 1, tzinfo=UTC), unique_key="k", retried_from="job_before"),
    ],
)
def test_a_new_job_is_told_as_it_is_stored(asked: NewJob, staff: Actor) -> None:
    (told,) = enqueue([asked], by=staff)
    stored = Job.objects.get(id=told.id)

    columns = [column.attname for column in Job._meta.concrete_fields]
    assert not told.get_deferred_fields()
    assert {name: getattr(told, name) for name in columns} == {name: getattr(stored, name) for name in columns}


def test_a_job_of_staff_can_not_be_taken_for_a_producers(staff: Actor) -> None:
    (job,) = enqueue([NewJob(type="t")], by=staff)

    assert job.created_by == "user:anna"
    assert (entries(job)[0].actor_kind, entries(job)[0].actor) == ("user", "anna")


def test_an_acknowledged_claim_lasts_at_least_five_minutes(holder: Holder) -> None:
    job = JobFactory(status="claimed")
    job.acknowledge(by=holder)

    assert job.acknowledged_at is not None
    assert job.lease_expires_at == job.acknowledged_at + timedelta(seconds=300)
    assert actions(job) == ["enqueue", "claim", "acknowledge"]


def test_start_sets_started_at_and_a_lease_as_long_as_the_run_may_take(holder: Holder) -> None:
    job = JobFactory(status="claimed", timeout_seconds=600)
    job.start(by=holder)

    assert job.status == Status.RUNNING
    assert job.started_at is not None
    assert job.lease_expires_at == job.started_at + timedelta(seconds=720)


def test_a_repeated_start_or_acknowledge_writes_nothing(holder: Holder) -> None:
    job = JobFactory(status="running")
    before = actions(job)

    assert job.start(by=holder).verdict == "unchanged"
    assert job.acknowledge(by=holder).verdict == "unchanged"
    assert actions(job) == before


def test_complete_ends_the_job_keeps_its_holder_and_drops_the_lease(holder: Holder) -> None:
    job = JobFactory(status="running")
    job.complete(Report(exit_code=0, output="fine", extras={"metrics": {"rows": 3}}), by=holder)

    assert (job.status, job.exit_code, job.orchestrator_id, job.lease_expires_at) == (Status.COMPLETED, 0, holder.name, None)
    assert job.completed_at is not None
    assert job.result == {"output": "fine", "exitCode": 0, "metrics": {"rows": 3}}
    assert Attempt.objects.count() == 0
    assert_sound(job.id)


def test_complete_of_a_claimed_job_records_start_and_complete(holder: Holder) -> None:
    job = JobFactory(status="claimed")
    job.complete(Report(exit_code=0), by=holder)

    assert [(entry.action, entry.from_status, entry.to_status) for entry in entries(job)[2:]] == [
        ("start", "claimed", "running"),
        ("complete", "running", "completed"),
    ]
    assert job.started_at == job.completed_at
    assert_sound(job.id)


def test_a_failure_counts_an_attempt_and_keeps_the_whole_error(holder: Holder) -> None:
    error = {"type": "ValueError", "message": "column 7 is empty", "stack": "x" * 100_000}
    job = JobFactory(status="running")
    job.fail(Report(error=error, exit_code=2), by=holder)

    assert (job.status, job.attempts, job.last_error, job.exit_code) == (Status.FAILED, 1, "column 7 is empty", 2)
    assert job.result is not None
    assert job.result["error"] == error
    assert_sound(job.id)


def test_a_failure_with_attempts_left_is_queued_again_in_the_same_transaction(holder: Holder) -> None:
    job = JobFactory(status="running", max_attempts=3)
    ruling = job.fail(Report(error="busy", exit_code=75), by=holder)

    assert ruling.next_action == "retry"
    assert (job.status, job.attempts, job.orchestrator_id, job.started_at, job.claimed_at) == (Status.QUEUED, 1, None, None, None)
    assert (job.last_error, job.exit_code) == ("busy", 75)
    assert [(entry.action, entry.actor_kind, entry.attempt) for entry in entries(job)[-2:]] == [
        ("fail", "orchestrator", 1),
        ("retry", "system", 2),
    ]
    kept = Attempt.objects.get(job_id=job.id)
    assert (kept.number, kept.epoch, kept.status, kept.last_error, kept.exit_code, kept.orchestrator_id) == (
        1,
        1,
        "failed",
        "busy",
        75,
        holder.name,
    )
    assert kept.result == {"error": "busy", "exitCode": 75}
    assert_sound(job.id)


@pytest.mark.parametrize(("failed_before", "least", "most"), [(0, 5, 10), (1, 10, 20), (2, 20, 40), (9, 1800, 3600)])
def test_the_delay_doubles_with_each_failure_and_half_of_it_is_chance(holder: Holder, failed_before: int, least: int, most: int) -> None:
    job = JobFactory(max_attempts=20)
    for _ in range(failed_before + 1):
        Job.objects.filter(id=job.id).update(scheduled_for=datetime.now(UTC), due=True)
        claimed(job).fail(Report(error="busy"), by=holder)

    delay = (job.scheduled_for - job.updated_at).total_seconds()
    assert least <= delay <= most


def test_the_reporter_may_say_when_to_try_again(holder: Holder) -> None:
    job = JobFactory(status="running", max_attempts=2)
    job.fail(Report(error="busy", retry_after_seconds=7200), by=holder)

    assert job.scheduled_for - job.updated_at == timedelta(hours=2)
    assert not job.due


def test_a_retry_after_zero_seconds_can_be_claimed_at_once(holder: Holder, other: Holder) -> None:
    job = JobFactory(status="running", max_attempts=2)
    job.fail(Report(error="busy", retry_after_seconds=0), by=holder)

    assert claimed(job, other).epoch == 2


@pytest.mark.parametrize("category", ["validation", "configuration", "permission"])
def test_some_failures_are_not_tried_again_unless_the_reporter_says_so(holder: Holder, category: str) -> None:
    hopeless = JobFactory(status="running", max_attempts=3)
    hopeless.fail(Report(error="no", category=category), by=holder)
    hopeful = JobFactory(status="running", max_attempts=3)
    hopeful.fail(Report(error="no", category=category, retryable=True), by=holder)

    assert (hopeless.status, hopeful.status) == (Status.FAILED, Status.QUEUED)


def test_release_gives_the_job_back_without_counting_an_attempt(holder: Holder) -> None:
    job = JobFactory(status="running")
    job.release(by=holder, reason="shutting down")

    assert (job.status, job.attempts, job.orchestrator_id, job.started_at, job.due) == (Status.QUEUED, 0, None, None, True)
    assert entries(job)[-1].reason == "shutting down"
    assert Attempt.objects.count() == 0
    assert_sound(job.id)


def test_a_queued_job_is_cancelled_at_once(producer: Actor) -> None:
    job = JobFactory()
    job.cancel(by=producer, reason="not needed")

    assert job.status == Status.CANCELLED
    assert job.completed_at is not None
    assert entries(job)[-1].reason == "not needed"


def test_a_held_job_is_asked_to_stop_and_its_holder_ends_it(producer: Actor, holder: Holder) -> None:
    job = JobFactory(status="running")
    assert job.cancel(by=producer).act == "cancel_request"
    assert (job.status, job.cancel_requested_at is not None) == (Status.RUNNING, True)
    assert job.cancel(by=producer).verdict == "unchanged"

    job.cancel(by=holder)

    assert (job.status, job.attempts, job.last_error) == (Status.CANCELLED, 0, None)
    assert actions(job)[-2:] == ["cancel_request", "cancel"]
    assert_sound(job.id)


def test_a_cancel_that_nobody_asked_for_is_a_failure(holder: Holder) -> None:
    job = JobFactory(status="running", max_attempts=3)
    job.cancel(by=holder)

    assert (job.status, job.error_category, job.attempts) == (Status.FAILED, "cancelled", 1)


def test_while_a_cancel_is_pending_nothing_returns_to_the_queue(producer: Actor, holder: Holder) -> None:
    released, failed, completed = (JobFactory(status="running", max_attempts=5) for _ in range(3))
    for job in (released, failed, completed):
        job.cancel(by=producer)

    released.release(by=holder)
    failed.fail(Report(error="busy"), by=holder)
    completed.complete(Report(exit_code=0), by=holder)

    assert [job.status for job in (released, failed, completed)] == ["cancelled", "failed", "completed"]


def test_staff_may_force_a_cancel_and_a_failure(staff: Actor) -> None:
    stopped, broken = JobFactory(status="running"), JobFactory(status="claimed")
    stopped.cancel(by=staff, force=True, reason="host is gone")
    broken.fail(Report(error="declared dead", retryable=False), by=staff)

    assert (stopped.status, broken.status) == (Status.CANCELLED, Status.FAILED)
    assert entries(stopped)[-1].actor == "anna"


def test_a_retry_by_staff_gives_one_more_attempt_and_keeps_the_finished_one(staff: Actor, holder: Holder) -> None:
    job = JobFactory(status="failed")
    job.retry(by=staff, reason="disk was full")

    assert (job.status, job.attempts, job.max_attempts, job.due) == (Status.QUEUED, 1, 2, True)
    assert (job.last_error, job.error_category) == ("it broke", "unknown")
    kept = Attempt.objects.get(job_id=job.id)
    assert (kept.number, kept.status, kept.last_error) == (1, "failed", "it broke")

    running(job).complete(Report(exit_code=0), by=holder)

    assert (job.status, job.last_error, job.error_category, job.exit_code) == (Status.COMPLETED, None, None, 0)
    assert_sound(job.id)


def test_running_again_makes_a_new_job_and_leaves_the_old_one(staff: Actor) -> None:
    old = JobFactory(status="completed", payload={"n": 1})
    new = old.run_again(by=staff, payload={"n": 2})

    assert (new.status, new.retried_from, new.payload, new.type) == (Status.QUEUED, old.id, {"n": 2}, old.type)
    assert Job.objects.get(id=old.id).status == Status.COMPLETED
    with pytest.raises(InvalidTransition):
        new.run_again(by=staff)


def test_a_queued_job_can_be_edited_and_a_held_one_not(staff: Actor) -> None:
    job = JobFactory()
    job.edit(by=staff, priority=90, max_attempts=4)

    assert (job.priority, job.max_attempts, job.status) == (90, 4, Status.QUEUED)
    assert entries(job)[-1].detail == {"changes": {"priority": 90, "maxAttempts": 4}}
    with pytest.raises(InvalidTransition):
        JobFactory(status="running").edit(by=staff, priority=1)


def test_a_change_in_between_is_noticed_by_who_expects_none(staff: Actor) -> None:
    job = JobFactory()
    seen = job.updated_at
    job.edit(by=staff, priority=60)
    (ruling,) = apply([Step(job_id=job.id, action="edit", priority=70, expected_updated_at=seen)], by=staff)

    assert isinstance(ruling.refusal("edit"), Conflict)
    assert Job.objects.get(id=job.id).priority == 60


def test_of_two_steps_for_one_job_in_a_batch_the_first_is_taken(staff: Actor) -> None:
    first, second = JobFactory(), JobFactory()
    rulings = apply(
        [Step(job_id=first.id, action="cancel"), Step(job_id=second.id, action="cancel"), Step(job_id=first.id, action="retry")], by=staff
    )

    assert [ruling.verdict for ruling in rulings] == ["applied", "applied", "conflict"]
    assert [ruling.step_id for ruling in rulings] == [first.id, second.id, first.id]
