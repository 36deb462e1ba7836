"""The retry of a failure group: canaries first, and the rest only when they have completed."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from jobs import bulk
from jobs.enqueueing import NewJob, enqueue
from jobs.models import AuditEntry, BulkItem, BulkOperation, CanaryRetry, FailureGroup, Job
from jobs.outcomes import Report
from jobs.triage import NoSuchGroup
from tests.factories import HOLDER, PRODUCER, STAFF, claimed, grouped, running
from tests.ledger import assert_sound

pytestmark = pytest.mark.django_db
WHY = "the disk is larger now"
JOBS = 10


@pytest.fixture
def group() -> FailureGroup:
    """Of ten jobs that stand failed."""
    jobs = enqueue([NewJob(type="invoice") for _ in range(JOBS)], by=PRODUCER)
    for number, job in enumerate(jobs):
        running(job).fail(Report(error=f"disk {number} full"), by=HOLDER)
    return grouped(jobs[0])


def retried(group: FailureGroup, **terms: Any) -> BulkOperation:
    operation = bulk.retry_group(group.fingerprint, by=STAFF, reason=WHY, **terms)
    carry_on(operation)
    return operation


def carry_on(operation: BulkOperation) -> None:
    """The sweep loop has its rounds until it has to wait for something else."""
    BulkOperation.objects.filter(id=operation.id).exclude(next_batch_at=None).update(next_batch_at=Now())
    while bulk.run_batch():
        pass
    operation.refresh_from_db()


def carry_on_once(operation: BulkOperation) -> None:
    BulkOperation.objects.filter(id=operation.id).update(next_batch_at=Now())
    bulk.run_batch()


def waiting() -> list[str]:
    """Jobs that were retried and have not run yet, the oldest first."""
    return list(Job.objects.filter(status="queued").order_by("id").values_list("id", flat=True))


def run(job_ids: Sequence[str], report: Report) -> None:
    for job_id in job_ids:
        job = running(Job.objects.get(id=job_id))
        if report.error:
            job.fail(report, by=HOLDER)
        else:
            job.complete(report, by=HOLDER)


def retry_of(operation: BulkOperation) -> CanaryRetry:
    return CanaryRetry.objects.get(operation_id=operation.id)


@pytest.mark.parametrize("canaries", [1, 3])
def test_the_rest_follows_when_the_canaries_have_completed(group: FailureGroup, canaries: int) -> None:
    operation = retried(group, canaries=canaries)
    first = waiting()
    assert (len(first), operation.changed, operation.state) == (canaries, canaries, "running")
    carry_on(operation)
    run(first[1:], Report(exit_code=0))
    carry_on(operation)
    assert Job.objects.filter(status="failed").count() == JOBS - canaries

    run(first[:1], Report(exit_code=0))
    carry_on(operation)
    assert (operation.state, operation.changed, retry_of(operation).state) == ("done", JOBS, "passed")
    assert len(waiting()) == JOBS - canaries
    for job in Job.objects.all():
        assert_sound(job.id)


def test_a_canary_that_fails_again_in_the_same_way_stops_it_and_the_rest_is_left(group: FailureGroup) -> None:
    operation = retried(group)
    run(waiting()[:1], Report(error="disk 99 full"))
    canary = Job.objects.get(attempts=2)
    carry_on(operation)

    assert (operation.state, operation.changed, operation.pending) == ("stopped", 3, JOBS - 3)
    assert Counter(Job.objects.values_list("status", flat=True)) == {"failed": JOBS - 2, "queued": 2}
    assert (retry_of(operation).state, retry_of(operation).words) == ("halted", f"The canary {canary.id} failed again in the same way.")
    entry = AuditEntry.objects.filter(subject_id=operation.id).latest("id")
    assert (entry.action, entry.actor, entry.reason) == ("stop", "bulk runner", retry_of(operation).words)


@pytest.mark.parametrize(
    ("report", "words"), [(Report(error="no such table"), "failed in another way: no such table"), (None, "was cancelled")]
)
def test_a_canary_that_ends_otherwise_stops_it_too_and_it_is_told_how(group: FailureGroup, report: Report | None, words: str) -> None:
    operation = retried(group)
    first = waiting()
    run(first[:2], Report(exit_code=0))
    if report:
        run(first[2:], report)
    else:
        Job.objects.get(id=first[2]).cancel(by=STAFF)
    carry_on(operation)

    assert operation.state == "stopped"
    assert retry_of(operation).words == f"The canary {first[2]} {words}" + "." * (report is None)


def test_a_canary_that_fails_and_is_tried_again_by_itself_has_failed(group: FailureGroup) -> None:
    Job.objects.update(max_attempts=5)
    operation = retried(group, canaries=1)
    run(waiting(), Report(error="disk 99 full", retry_after_seconds=0))
    run(waiting(), Report(exit_code=0))
    carry_on(operation)

    assert operation.state == "stopped"


def test_a_canary_that_was_changed_meanwhile_is_replaced_by_another(group: FailureGroup) -> None:
    oldest = Job.objects.order_by("id")[0]
    operation = bulk.retry_group(group.fingerprint, by=STAFF, reason=WHY, canaries=2)
    oldest.retry(by=STAFF)
    claimed(oldest)
    carry_on(operation)

    assert (operation.changed, operation.skipped) == (2, 1)
    assert len(waiting()) == 2


def test_the_rest_is_spread_evenly_over_the_time_that_was_chosen(group: FailureGroup) -> None:
    operation = retried(group, canaries=2, over=timedelta(minutes=8))
    run(waiting(), Report(exit_code=0))
    carry_on(operation)
    judged = retry_of(operation).judged_at
    times = list(Job.objects.filter(status="queued").order_by("id").values_list("scheduled_for", flat=True))

    assert judged is not None
    assert [at - judged for at in times] == [timedelta(minutes=minute) for minute in range(1, 9)]
    assert not Job.objects.filter(status="queued", due=True).exists()


def test_the_spread_goes_on_evenly_from_batch_to_batch_and_after_a_pause(group: FailureGroup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bulk.running.BATCH", 3)
    operation = retried(group, canaries=2, over=timedelta(minutes=8))
    run(waiting(), Report(exit_code=0))
    carry_on_once(operation)
    assert len(waiting()) == 3
    bulk.pause(operation.id, by=STAFF)
    bulk.resume(operation.id, by=STAFF)
    carry_on(operation)
    judged = retry_of(operation).judged_at
    times = list(Job.objects.filter(status="queued").order_by("id").values_list("scheduled_for", flat=True))

    assert judged is not None
    assert [at - judged for at in times] == [timedelta(minutes=minute) for minute in range(1, 9)]


def test_what_was_held_up_beyond_its_time_is_spread_from_now_on_and_not_due_at_once(group: FailureGroup) -> None:
    operation = retried(group, canaries=2, over=timedelta(minutes=8))
    run(waiting(), Report(exit_code=0))
    long_ago = timezone.now() - timedelta(hours=3)
    CanaryRetry.objects.filter(operation_id=operation.id).update(state="passed", judged_at=long_ago)
    carry_on(operation)
    times = list(Job.objects.filter(status="queued").order_by("id").values_list("scheduled_for", flat=True))

    assert [later - at for at, later in pairwise(times)] == [timedelta(minutes=1)] * 7
    assert timedelta(0) < times[0] - timezone.now() <= timedelta(minutes=1)


@pytest.mark.parametrize("canaries", [JOBS, JOBS + 1])
def test_a_group_no_larger_than_its_canaries_is_done_when_they_have_completed(group: FailureGroup, canaries: int) -> None:
    operation = retried(group, canaries=canaries)
    assert (operation.state, operation.changed, retry_of(operation).state) == ("running", JOBS, "trying")
    run(waiting(), Report(exit_code=0))
    carry_on(operation)

    assert (operation.state, operation.changed, retry_of(operation).state) == ("done", JOBS, "passed")


def test_a_group_no_larger_than_its_canaries_is_stopped_when_they_fail(group: FailureGroup) -> None:
    operation = retried(group, canaries=JOBS)
    run(waiting(), Report(error="disk 99 full"))
    carry_on(operation)

    assert (operation.state, operation.pending, retry_of(operation).state) == ("stopped", 0, "halted")
    assert str(retry_of(operation).words).endswith("failed again in the same way.")


def test_a_retry_that_finds_none_of_its_jobs_failed_any_more_is_done(group: FailureGroup) -> None:
    operation = bulk.retry_group(group.fingerprint, by=STAFF, reason=WHY)
    for job in Job.objects.all():
        job.retry(by=STAFF)
    carry_on(operation)

    assert (operation.state, operation.changed, operation.skipped) == ("done", 0, JOBS)
    assert retry_of(operation).state == "passed"


def test_while_it_is_under_way_it_is_not_begun_again(group: FailureGroup) -> None:
    operation = retried(group)
    with pytest.raises(bulk.UnderWay, match=operation.id):
        bulk.retry_group(group.fingerprint, by=STAFF, reason=WHY)
    bulk.stop(operation.id, by=STAFF)

    assert bulk.retry_group(group.fingerprint, by=STAFF, reason=WHY).selected == JOBS - 3


def test_who_began_it_and_why_stands_in_the_log_of_the_group_and_of_each_job(group: FailureGroup) -> None:
    operation = retried(group, canaries=2, over=timedelta(seconds=90))
    entry = AuditEntry.objects.get(subject_type="failure_group")
    items = BulkItem.objects.filter(operation_id=operation.id, outcome="changed").values_list("job_id", flat=True)

    assert (entry.action, entry.actor, entry.reason, entry.subject_id) == ("retry", "anna", WHY, group.fingerprint)
    assert entry.detail == {"operation": operation.id, "jobs": JOBS, "canaries": 2, "overSeconds": 90}
    of_jobs = AuditEntry.objects.filter(action="retry", job_id__isnull=False)
    assert {(one.job_id, one.actor, one.reason) for one in of_jobs} == {(job_id, "anna", WHY) for job_id in items}


def test_what_is_not_possible_is_refused_and_changes_nothing(group: FailureGroup) -> None:
    for terms in ({"canaries": 0}, {"canaries": 101}, {"over": timedelta(seconds=-1)}, {"over": timedelta(days=8)}):
        with pytest.raises(ValueError, match=r"canaries|spread"):
            bulk.retry_group(group.fingerprint, by=STAFF, reason=WHY, **terms)
    with pytest.raises(NoSuchGroup):
        bulk.retry_group("0" * 16, by=STAFF, reason=WHY)
    for job in Job.objects.all():
        job.retry(by=STAFF)
    with pytest.raises(bulk.NothingToRetry):
        bulk.retry_group(group.fingerprint, by=STAFF, reason=WHY)

    assert not BulkOperation.objects.exists()
