"""Bulk operations among others: several runners, reporters at work, rows that somebody holds. Each job is done once, none overwritten."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from jobs import bulk
from jobs.bulk import Selection
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.lifecycle import TransitionRefused
from jobs.models import AuditEntry, BulkItem, BulkOperation, Job
from tests.chaos.load import wait_until
from tests.concurrency.crowd import in_threads
from tests.factories import HOLDER, PRODUCER, STAFF, JobFactory
from tests.ledger import assert_sound

RUNNERS = 4
LONGEST_SECONDS = 60
WHY = "the disk is mended"


def confirmed(action: str, **filters: str) -> BulkOperation:
    return bulk.confirm(bulk.create(action, Selection(filter=filters), by=STAFF).id, by=STAFF, reason=WHY)


def assert_each_done_once(operation: BulkOperation) -> None:
    """Its sums are those of its items, and the audit log has one entry for each that was changed."""
    operation.refresh_from_db()
    items = list(BulkItem.objects.filter(operation_id=operation.id))
    sums = Counter(item.outcome for item in items)
    assert (operation.changed, operation.skipped, operation.failed, operation.pending) == tuple(
        sums[outcome] for outcome in ("changed", "skipped", "failed", None)
    )
    entries = AuditEntry.objects.filter(request_id=operation.id, job_id__isnull=False)
    assert Counter(entries.values_list("job_id", flat=True)) == Counter(item.job_id for item in items if item.outcome == "changed")


def run_until_done() -> None:
    """As the sweep loop does, but without its pause, and not for ever."""
    until = time.monotonic() + LONGEST_SECONDS
    while BulkOperation.objects.filter(state="running").exists() and time.monotonic() < until:
        bulk.run_batch()


def come_back() -> None:
    """As if the pause were over after which what was left comes again."""
    BulkOperation.objects.filter(state="running").update(next_batch_at=Now())


def test_runners_at_once_share_the_work_and_double_none_of_it(live_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bulk.running.BATCH", 20)
    for name in ("one", "two", "three"):
        enqueue([NewJob(type=name) for _ in range(200)], by=PRODUCER)
    operations = [confirmed("cancel", type=name) for name in ("one", "two", "three")]

    in_threads([run_until_done] * RUNNERS)

    for operation in operations:
        assert_each_done_once(operation)
        assert (operation.state, operation.changed) == ("done", 200)
        assert AuditEntry.objects.filter(subject_id=operation.id, action="finish").count() == 1


def test_runners_at_once_on_one_operation_double_none_of_it(live_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bulk.running.BATCH", 10)
    enqueue([NewJob(type="t") for _ in range(300)], by=PRODUCER)
    operation = confirmed("cancel", type="t")

    in_threads([run_until_done] * RUNNERS)

    assert_each_done_once(operation)
    assert (operation.state, operation.changed) == ("done", 300)


def test_what_a_reporter_completes_first_is_passed_over_and_what_is_released_first_is_not_completed(
    live_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.bulk.running.BATCH", 10)
    enqueue([NewJob(type="t") for _ in range(200)], by=PRODUCER)
    jobs = claim(by=HOLDER, batch_size=200, job_types=["t"]).jobs
    for job in jobs:
        job.start(by=HOLDER)
    operation = confirmed("release", type="t")

    # Reporters come from the end, runners from the beginning.
    crowd: list[Callable[[], object]] = [partial(_complete_all, jobs[::-1]), run_until_done, run_until_done]
    in_threads(crowd)

    assert_each_done_once(operation)
    told = {"queued": "released", "completed": "already completed"}
    fates = dict(BulkItem.objects.filter(operation_id=operation.id).values_list("job_id", "words"))
    assert fates == {job.id: told[job.status] for job in Job.objects.filter(type="t")}
    assert 0 < operation.changed < 200
    for job in jobs:
        assert_sound(job.id)


def test_a_form_sent_several_times_at_once_makes_one_operation(live_db: str) -> None:
    enqueue([NewJob(type="t") for _ in range(20)], by=PRODUCER)

    def send() -> str:
        with transaction.atomic():
            operation = bulk.create("cancel", Selection(filter={"type": "t"}), by=STAFF, form_key="k")
            return bulk.confirm(operation.id, by=STAFF, reason=WHY).id

    assert len(set(in_threads([send] * RUNNERS))) == 1
    assert list(AuditEntry.objects.filter(subject_type="bulk_operation").values_list("action", flat=True)) == ["create", "confirm"]


def test_a_job_whose_row_is_held_keeps_no_other_waiting_and_comes_again(live_db: str) -> None:
    jobs = [JobFactory(type="t") for _ in range(3)]
    operation = confirmed("cancel", type="t")
    with psycopg.connect(live_db) as neighbour:
        neighbour.execute("select from jobs where id = %s for update", [jobs[0].id])
        assert bulk.run_batch() is True
        assert bulk.run_batch() is False
        operation.refresh_from_db()
        assert (operation.changed, operation.pending) == (2, 1)
        # It does not come again at once.
        assert bulk.run_batch() is False

    come_back()
    bulk.run_batch()
    assert_each_done_once(operation)
    assert (operation.state, operation.changed) == ("done", 3)


def test_a_job_whose_row_is_held_for_good_fails_at_last(live_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bulk.running.MOST_TRIES", 3)
    job = JobFactory(type="t")
    operation = confirmed("cancel", type="t")
    with psycopg.connect(live_db) as neighbour:
        neighbour.execute("select from jobs where id = %s for update", [job.id])
        for _ in range(3):
            come_back()
            bulk.run_batch()

    assert_each_done_once(operation)
    (item,) = BulkItem.objects.all()
    assert (item.outcome, item.words, operation.state) == ("failed", "somebody else had the job locked, 3 times", "done")


def test_a_unique_key_that_another_transaction_is_just_taking_is_not_waited_for_long(live_db: str) -> None:
    job = JobFactory(type="t", status="failed", unique_key="k")
    for _ in range(4):
        JobFactory(type="t", status="failed")
    operation = confirmed("retry", type="t")
    taken, over = threading.Event(), threading.Event()

    def take() -> None:
        with transaction.atomic():
            enqueue([NewJob(type="other", unique_key="k")], by=PRODUCER)
            taken.set()
            over.wait(30)

    def run() -> None:
        taken.wait(30)
        try:
            bulk.run_batch()
            operation.refresh_from_db()
            assert (operation.changed, operation.pending) == (4, 1)
        finally:
            over.set()

    in_threads([take, run])
    come_back()
    bulk.run_batch()
    assert_each_done_once(operation)
    assert BulkItem.objects.get(job_id=job.id).words == "another job has the unique key"


def test_pause_waits_for_the_batch_under_way_and_then_nothing_moves(live_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bulk.running.BATCH", 20)
    enqueue([NewJob(type="t") for _ in range(60)], by=PRODUCER)
    operation = confirmed("cancel", type="t")
    with connection.cursor() as cursor:
        cursor.execute(
            "create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.02); return new; end $$;"
            "create trigger dawdles before update on jobs for each row execute function dawdle()"
        )
    with ThreadPoolExecutor(1) as threads, psycopg.connect(live_db, autocommit=True) as observer:
        runner = threads.submit(in_threads, [bulk.run_batch])
        at_work = "select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
        wait_until(lambda: observer.execute(at_work).rowcount == 1, seconds=10, what="a batch is under way")
        paused = bulk.pause(operation.id, by=STAFF)
        assert runner.done() or observer.execute(at_work).rowcount == 0

    assert (paused.state, paused.changed, paused.pending) == ("paused", 20, 40)
    assert bulk.run_batch() is False
    assert_each_done_once(operation)


def _complete_all(jobs: list[Job]) -> None:
    for job in jobs:
        try:
            job.complete(by=HOLDER, epoch=1)
        except TransitionRefused:
            continue
