"""Any number of pruners at once equals one, and none takes a job away from whoever moves it."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from jobs import bulk, retention, statements
from jobs.bulk import Selection
from jobs.models import Attempt, AuditEntry, BulkItem, BulkOperation, Job, LogLine
from jobs.retention import Outlived, Periods, Pruned, Pruner
from tests.concurrency.crowd import in_threads
from tests.factories import STAFF, JobFactory
from tests.past import ended, write

PRUNERS = 4
AT_ONCE = Periods(completed=timedelta(0), failed=timedelta(0), logs=timedelta(0))


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.full)])
def test_pruners_at_once_delete_each_job_once(count: int, live_db: str) -> None:
    ids = [ended(("completed", "failed", "cancelled")[number % 3], days=100, lines=number % 5).id for number in range(count)]
    lines = LogLine.objects.count()
    live: Job = JobFactory(status="running")
    write(live, 3)

    runs = in_threads([_prune] * PRUNERS)

    assert Counter(one.job_id for gone, _ in runs for one in gone) == Counter(ids)
    assert sum(done.jobs.total() for _, done in runs) == count
    assert sum(done.log_lines for _, done in runs) == lines
    assert Counter(AuditEntry.objects.filter(action="prune", job_id__isnull=False).values_list("job_id", flat=True)) == Counter(ids)
    assert list(Job.objects.values_list("id", flat=True)) == [live.id]
    assert (Attempt.objects.count(), LogLine.objects.count()) == (0, 3)


def test_a_job_that_is_just_being_retried_stays_and_nobody_waits_for_it(live_db: str) -> None:
    contested, other = ended("failed", days=100, lines=2), ended("failed", days=100, lines=2)
    with transaction.atomic():
        contested.retry(by=STAFF)
        ((gone, done),) = in_threads([_prune])

    assert ([one.job_id for one in gone], done.log_lines) == ([other.id], 2)
    assert Job.objects.get().status == "queued"
    assert LogLine.objects.filter(job_id=contested.id).count() == 2


def test_the_sweep_loop_passes_over_what_is_held_and_comes_to_its_end(live_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    jobs = [ended("completed", days=20, lines=3) for _ in range(5)]
    held, free = jobs[:2], jobs[2:]

    def prune_through() -> list[bool]:
        pruner = Pruner()
        return [pruner.prune_a_little(by=STAFF) for _ in range(3)]

    with transaction.atomic():
        list(Job.objects.select_for_update().filter(id__in=[job.id for job in held]))
        (said,) = in_threads([prune_through])

    assert said == [True, True, False]
    assert not LogLine.objects.filter(job_id__in=[job.id for job in free]).exists()
    assert LogLine.objects.count() == 6
    # The next pass begins with what was held in this one.
    assert prune_through() == [True, False, False]
    assert LogLine.objects.count() == 0


@pytest.mark.parametrize("days", [20, 100])
def test_the_sweep_loop_has_its_pause_while_all_that_is_old_is_held(days: int, live_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(2):
        ended("failed", days=days, lines=3)
    pruner = Pruner()
    with transaction.atomic():
        list(Job.objects.select_for_update())
        (said,) = in_threads([lambda: [pruner.prune_a_little(by=STAFF) for _ in range(2)]])

    assert said == [True, False]
    assert LogLine.objects.count() == 6


def test_loops_at_once_forget_each_operation_once_and_none_that_is_just_being_confirmed(live_db: str) -> None:
    job = JobFactory()
    operations = [bulk.create("cancel", Selection(ids=[job.id]), by=STAFF) for _ in range(33)]
    for operation in operations[:16]:
        bulk.confirm(operation.id, by=STAFF, reason="they are wrong")
        bulk.stop(operation.id, by=STAFF)
    long_ago = timezone.now() - timedelta(days=100)
    BulkOperation.objects.update(created_at=long_ago)
    BulkOperation.objects.exclude(ended_at=None).update(ended_at=long_ago)

    def forget() -> None:
        while bulk.forget_previews() or bulk.forget_ended():
            pass

    with transaction.atomic():
        bulk.confirm(operations[-1].id, by=STAFF, reason="they are wrong")
        in_threads([forget] * PRUNERS)

    assert [one.id for one in BulkOperation.objects.all()] == [operations[-1].id]
    assert [item.operation_id for item in BulkItem.objects.all()] == [operations[-1].id]


@pytest.mark.parametrize("statement", ["prune_jobs", "prune_lines"])
def test_what_was_retried_since_it_was_looked_for_is_judged_again(statement: str, live_db: str) -> None:
    job = ended("failed", days=100, lines=2)
    looked_for = {"ids": [job.id], "ended_by": timezone.now() - timedelta(days=90)}
    by = {"actor_kind": STAFF.kind, "actor": STAFF.name, "request_id": None, "most": 10}
    job.retry(by=STAFF)
    statements.run(statement, **looked_for, **by)
    assert (Job.objects.count(), LogLine.objects.count()) == (1, 2)

    # Ended again, but not long ago.
    job.cancel(by=STAFF)
    statements.run(statement, **looked_for, **by)
    assert (Job.objects.count(), LogLine.objects.count()) == (1, 2)


def test_a_run_that_was_cut_off_is_taken_up_by_the_next(live_db: str) -> None:
    ids = {ended("completed", days=100, lines=1).id for _ in range(10)}
    told: list[Outlived] = []

    def cut_off(one: Outlived) -> None:
        told.append(one)
        if len(told) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retention.prune(AT_ONCE, by=STAFF, batch_size=2, told=cut_off)
    left = set(Job.objects.values_list("id", flat=True))
    assert len(left) == 4
    gone, _ = _prune()

    assert {one.job_id for one in gone} == left
    pruned = AuditEntry.objects.filter(action="prune", job_id__isnull=False).values_list("job_id", flat=True)
    assert Counter(pruned) == Counter(ids)


def _prune() -> tuple[list[Outlived], Pruned]:
    gone: list[Outlived] = []
    return gone, retention.prune(AT_ONCE, by=STAFF, batch_size=7, told=gone.append)
