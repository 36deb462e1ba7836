"""Bulk operations: shown first, settled when confirmed, carried out batch by batch, each job on its own."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction

from jobs import bulk, triage
from jobs.actors import Actor
from jobs.bulk import ACTIONS, NotNow, Selection, TooManyJobs
from jobs.enqueueing import NewJob, enqueue
from jobs.filters import WrongFilter
from jobs.lifecycle import ActorKind, Status, permissions_of
from jobs.models import AuditEntry, BulkItem, FailureGroup, Job
from tests.factories import PRODUCER, STAFF, JobFactory, grouped
from tests.jobs.bulk_operations import FAILED, WHY, acts_on, carried_out, confirmed, items_of
from tests.ledger import assert_sound

pytestmark = pytest.mark.django_db
THROUGH_THE_DOOR = ["retry", "cancel", "release", "edit"]


def test_the_actions_are_verbs_of_staff_the_edit_and_the_triage() -> None:
    assert list(ACTIONS) == [*THROUGH_THE_DOOR, "acknowledge"]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("action", THROUGH_THE_DOOR)
def test_a_job_is_changed_where_the_lifecycle_allows_it_and_else_told_why_not(action: str, status: Status) -> None:
    job = JobFactory(status=status)
    before = AuditEntry.objects.filter(job_id=job.id).count()
    arguments = {"priority": 90} if action == "edit" else {}
    operation = carried_out(confirmed(action, Selection(ids=[job.id]), **arguments))

    entries = AuditEntry.objects.filter(job_id=job.id).order_by("sequence")[before:]
    (fate,) = items_of(operation).values()
    allowed = f"{action}:{status}" in permissions_of(ActorKind.USER)
    assert operation.preview["wouldChange"] == allowed
    if allowed:
        (entry,) = entries
        assert (entry.actor_kind, entry.actor, entry.reason, entry.request_id) == ("user", "anna", WHY, operation.id)
        assert fate[0] == "changed"
        assert (operation.changed, operation.skipped, operation.failed, operation.selected) == (1, 0, 0, 1)
    else:
        assert not entries
        assert fate == ("skipped", f"already {status}")
        assert (operation.changed, operation.skipped, operation.failed, operation.selected) == (0, 1, 0, 1)
    assert operation.state == "done"
    assert_sound(job.id)


def test_a_priority_is_changed_to_the_one_asked_for() -> None:
    job = JobFactory()
    carried_out(confirmed("edit", Selection(ids=[job.id]), priority=90))

    job.refresh_from_db()
    assert job.priority == 90


def test_failure_groups_are_acknowledged_each_once_and_jobs_stay_as_they_are() -> None:
    alike = [JobFactory(status="failed", type="report") for _ in range(2)]
    resolved, taken = (JobFactory(status="failed", type=name) for name in ("resolved", "taken"))
    for job in (*alike, resolved, taken):
        grouped(job)
    triage.resolve(str(resolved.fingerprint), by=STAFF)
    triage.acknowledge(str(taken.fingerprint), by=Actor.user("bert"))
    fresh, running = JobFactory(status="failed", type="fresh"), JobFactory(status="running")
    selected = [*alike, resolved, taken, fresh, running]
    before = AuditEntry.objects.filter(job_id__isnull=False).count()
    operation = carried_out(confirmed("acknowledge", Selection(ids=[job.id for job in selected])))

    assert operation.preview["wouldChange"] == 5
    told = items_of(operation)
    assert [told[job.id] for job in selected] == [
        ("changed", "failure group acknowledged"),
        ("skipped", "acknowledged with its failure group"),
        ("skipped", "its failure group is resolved"),
        ("skipped", "acknowledged with its failure group"),
        ("skipped", "its failure is not counted yet"),
        ("skipped", "already running"),
    ]
    group = FailureGroup.objects.get(fingerprint=alike[0].fingerprint)
    assert (group.state, group.owner) == ("acknowledged", "anna")
    assert FailureGroup.objects.get(fingerprint=taken.fingerprint).owner == "bert"
    (entry,) = AuditEntry.objects.filter(request_id=operation.id)
    assert (entry.subject_type, entry.action, entry.reason) == ("failure_group", "acknowledge", WHY)
    assert AuditEntry.objects.filter(job_id__isnull=False).count() == before


@pytest.mark.parametrize("action", ["release", "acknowledge"])
def test_what_is_for_staff_is_not_for_producers(action: str) -> None:
    with pytest.raises(bulk.ForStaff):
        bulk.create(action, FAILED, by=PRODUCER)


def test_a_preview_tells_what_it_would_come_to_and_changes_nothing() -> None:
    failed = [JobFactory(status="failed", type="report") for _ in range(10)]
    JobFactory(status="completed", type="export")
    JobFactory(status="queued", type="report")
    operation = bulk.create("retry", Selection(filter={"status": "failed,completed", "type": "report,export"}), by=STAFF)

    assert (operation.state, operation.selected) == ("preview", None)
    assert operation.selection == "status is failed or completed, type is report or export"
    told = operation.preview
    assert (told["count"], told["missing"], told["wouldChange"], told["otherTypes"]) == (11, 0, 10, 0)
    assert told["byStatus"] == {"completed": 1, "failed": 10}
    assert told["byType"] == {"export": 1, "report": 10}
    assert [one["id"] for one in told["sample"]] == [job.id for job in failed[:-9:-1]]
    assert bulk.run_batch() is False
    assert not BulkItem.objects.exists()
    assert Job.objects.filter(status="failed").count() == 10


def test_a_preview_names_no_more_types_than_can_be_read() -> None:
    for number in range(52):
        JobFactory(type=f"t-{number}")
    told = bulk.create("cancel", Selection(filter={"status": "queued"}), by=STAFF).preview

    assert (len(told["byType"]), told["otherTypes"], told["count"]) == (50, 2, 52)


def test_jobs_that_match_between_preview_and_confirmation_are_in_and_later_ones_are_not() -> None:
    JobFactory(status="failed")
    operation = bulk.create("retry", FAILED, by=STAFF)
    JobFactory(status="failed")
    operation = bulk.confirm(operation.id, by=STAFF, reason=WHY)
    late = JobFactory(status="failed")

    assert (operation.preview["count"], operation.selected) == (1, 2)
    assert carried_out(operation).changed == 2
    late.refresh_from_db()
    assert late.status == Status.FAILED
    detail = AuditEntry.objects.get(subject_id=operation.id, action="confirm").detail
    assert detail == {"selected": 2, "shown": 1}


def test_a_job_that_no_longer_matches_when_its_turn_comes_is_judged_as_it_is_then() -> None:
    job, other = JobFactory(status="failed"), JobFactory(status="failed")
    operation = confirmed("retry", FAILED)
    job.retry(by=STAFF)

    assert items_of(carried_out(operation)) == {job.id: ("skipped", "already queued"), other.id: ("changed", "retried")}


def test_ids_that_are_no_jobs_are_told_as_such_and_one_that_stands_twice_counts_once() -> None:
    job = JobFactory(status="failed")
    operation = bulk.create("retry", Selection(ids=[job.id, "job_gone", job.id]), by=STAFF)

    assert (operation.preview["count"], operation.preview["missing"]) == (1, 1)
    assert (operation.selected, operation.skipped) == (2, 1)
    operation = carried_out(bulk.confirm(operation.id, by=STAFF, reason=WHY))
    assert items_of(operation) == {job.id: ("changed", "retried"), "job_gone": ("skipped", "no such job")}


def test_of_one_producer_only_its_own_jobs_are_selected_whoever_confirms() -> None:
    own, (foreign,) = JobFactory(status="failed"), enqueue([NewJob(type="of-staff")], by=STAFF)
    by_filter = bulk.create("retry", Selection(filter={"status": "failed,queued"}, only_made_by=PRODUCER.name), by=PRODUCER)
    by_ids = bulk.create("cancel", Selection(ids=[foreign.id], only_made_by=PRODUCER.name), by=PRODUCER)

    assert items_of(carried_out(bulk.confirm(by_filter.id, by=STAFF, reason=WHY))) == {own.id: ("changed", "retried")}
    assert items_of(carried_out(bulk.confirm(by_ids.id, by=STAFF, reason=WHY))) == {foreign.id: ("skipped", "no such job")}


def test_a_job_that_is_pruned_before_its_turn_is_told_as_gone(sql: Callable[..., object]) -> None:
    job = JobFactory(status="failed")
    operation = confirmed("retry", FAILED)
    sql("delete from jobs where id = %s", job.id)

    assert items_of(carried_out(operation)) == {job.id: ("skipped", "no such job")}


def test_more_jobs_than_an_operation_may_have_are_refused_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bulk.selection.MOST", 3)
    jobs = [JobFactory(status="failed") for _ in range(3)]
    operation = bulk.create("retry", FAILED, by=STAFF)
    jobs += [JobFactory(status="failed") for _ in range(2)]

    with pytest.raises(TooManyJobs, match=r"5 jobs match; an operation has at most 3\.") as told:
        bulk.create("retry", FAILED, by=STAFF)
    assert told.value.matching == 5
    with pytest.raises(TooManyJobs):
        bulk.confirm(operation.id, by=STAFF, reason=WHY)
    operation.refresh_from_db()
    assert (operation.state, BulkItem.objects.count()) == ("preview", 0)


@pytest.mark.parametrize("filters", [{}, {"colour": "red"}, {"status": "lost"}, {"type": ""}, {"createdAfter": "yesterday"}])
def test_a_filter_that_says_nothing_or_nothing_known_is_refused(filters: dict[str, str]) -> None:
    with pytest.raises(WrongFilter, match=rf"^{next(iter(filters), 'filter')}: "):
        bulk.create("retry", Selection(filter=filters), by=STAFF)


@pytest.mark.parametrize(("action", "arguments"), [("edit", {}), ("retry", {"priority": 3}), ("edit", {"priority": 3, "type": "x"})])
def test_arguments_that_the_action_does_not_take_or_needs_are_named(action: str, arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"needs priority|takes no"):
        bulk.create(action, FAILED, by=STAFF, arguments=arguments)


def test_pause_resume_and_stop_take_effect_with_the_next_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bulk.running.BATCH", 2)
    for _ in range(6):
        JobFactory(status="failed")
    operation = confirmed("retry", FAILED)

    assert bulk.run_batch() is True
    assert bulk.pause(operation.id, by=STAFF, reason="lunch").state == "paused"
    assert bulk.run_batch() is False
    assert bulk.resume(operation.id, by=STAFF).state == "running"
    assert bulk.run_batch() is True
    stopped = bulk.stop(operation.id, by=STAFF, reason="enough")
    assert bulk.run_batch() is False

    assert (stopped.state, stopped.changed, stopped.pending, stopped.selected) == ("stopped", 4, 2, 6)
    assert Job.objects.filter(status="failed").count() == 2
    assert acts_on(operation) == ["create", "confirm", "pause", "resume", "stop"]


def test_an_act_that_was_done_already_changes_and_writes_nothing() -> None:
    JobFactory(status="failed")
    operation = confirmed("retry", FAILED)
    for act in (bulk.pause, bulk.pause, bulk.resume, bulk.resume, bulk.stop, bulk.stop):
        act(operation.id, by=STAFF)
    again = confirmed("retry", FAILED)
    bulk.confirm(again.id, by=STAFF, reason="once more")
    again = bulk.confirm(carried_out(again).id, by=STAFF, reason="once more")

    assert acts_on(operation) == ["create", "confirm", "pause", "resume", "stop"]
    assert acts_on(again) == ["create", "confirm", "finish"]
    assert again.reason == WHY


def test_what_is_over_can_not_be_taken_up_again() -> None:
    JobFactory(status="failed")
    stopped, done = confirmed("retry", FAILED), confirmed("retry", FAILED)
    bulk.stop(stopped.id, by=STAFF)
    carried_out(done)

    for operation, acts in ((stopped, (bulk.pause, bulk.resume)), (done, (bulk.pause, bulk.resume, bulk.stop))):
        for act in acts:
            with pytest.raises(NotNow, match=r"is (stopped|done): \w+ is not possible any more"):
                act(operation.id, by=STAFF)
    with pytest.raises(NotNow):
        bulk.confirm(stopped.id, by=STAFF, reason=WHY)


def test_a_preview_that_is_stopped_never_runs() -> None:
    JobFactory(status="failed")
    operation = bulk.create("retry", FAILED, by=STAFF)
    bulk.stop(operation.id, by=STAFF)

    assert bulk.run_batch() is False
    assert Job.objects.filter(status="failed").count() == 1


def test_a_form_sent_twice_makes_one_operation() -> None:
    JobFactory(status="failed")
    first = bulk.create("retry", FAILED, by=STAFF, form_key="k")
    second = bulk.create("retry", FAILED, by=STAFF, form_key="k")
    other = bulk.create("retry", FAILED, by=Actor.user("bert"), form_key="k")

    assert first.id == second.id != other.id
    assert acts_on(first) == ["create"]


def test_the_end_stands_in_the_audit_log_with_its_sums() -> None:
    JobFactory(status="failed")
    operation = carried_out(confirmed("retry", Selection(ids=["job_gone", *Job.objects.values_list("id", flat=True)])))

    entry = AuditEntry.objects.get(subject_id=operation.id, action="finish")
    assert (entry.actor_kind, entry.actor, entry.detail) == (
        "system",
        "bulk runner",
        {"changed": 1, "skipped": 1, "failed": 0, "pending": 0},
    )
    assert operation.ended_at is not None


@pytest.mark.parametrize(
    "lie",
    [
        "changed = 2",
        "state = 'done', next_batch_at = null",
        "state = 'done', next_batch_at = null, changed = 1, skipped = 1",
        "next_batch_at = null",
        "state = 'lost'",
        "reason = null",
    ],
)
def test_the_database_refuses_sums_that_do_not_add_up_and_states_that_can_not_be(lie: str) -> None:
    JobFactory(status="failed")
    confirmed("retry", FAILED)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"update bulk_operations set {lie}")
