"""kill -9 of the process that carries bulk operations out, again and again: each job is done exactly once, and the sums add up."""

import os
import random
import signal
from collections import Counter

import psycopg
import pytest
from django.db import connection

from jobs import bulk
from jobs.bulk import Selection
from jobs.enqueueing import NewJob, enqueue
from jobs.models import AuditEntry, BulkItem, BulkOperation, Job
from tests.chaos.load import wait_until
from tests.chaos.processes import running
from tests.factories import PRODUCER, STAFF
from tests.ledger import assert_sound

SEED = 20261124
TYPE = "t"
ACTIONS = ("cancel", "retry")
STATUS_AFTER = {"cancel": "cancelled", "retry": "queued"}
# What a batch takes now is about a second, so that a blow falls within one, not between two.
SLOWER = """
create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.001); return new; end $$;
create trigger dawdles before update on jobs for each row execute function dawdle();
create trigger dawdles before update on bulk_items for each row execute function dawdle();
"""
FASTER = "drop trigger dawdles on jobs; drop trigger dawdles on bulk_items; drop function dawdle();"
AT_WORK = "select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
RUNNER = ("manage.py", "sweep_stuck_jobs", "--loop", "--interval", "0.1")


@pytest.mark.parametrize(
    ("kills", "count"),
    [pytest.param(5, 1000, marks=pytest.mark.slow, id="small"), pytest.param(20, 5000, marks=pytest.mark.full, id="large")],
)
def test_however_often_the_runner_is_killed_each_job_is_done_once(live_db: str, kills: int, count: int) -> None:
    chance = random.Random(SEED)  # noqa: S311  where a blow falls, no secret
    print(f"seed {SEED}")  # noqa: T201  with which it can be done again
    for _ in range(count // 1000):
        enqueue([NewJob(type=TYPE) for _ in range(1000)], by=PRODUCER)
    operations: list[BulkOperation] = []
    killed = 0
    _execute(SLOWER)
    with psycopg.connect(live_db, autocommit=True) as observer:
        while killed < kills:
            if not BulkOperation.objects.filter(state="running").exists():
                # The last one is done before it was struck often enough: the next one undoes it.
                operations.append(_confirmed(ACTIONS[len(operations) % 2], count))
            killed += _strike(observer, after=chance.uniform(0, 1.3))
    _execute(FASTER)
    with running(*RUNNER):
        wait_until(lambda: not BulkOperation.objects.filter(state="running").exists(), seconds=60, what="the operation is done")

    for operation in operations:
        _assert_each_done_once(operation, count)
    assert set(Job.objects.values_list("status", flat=True)) == {STATUS_AFTER[operations[-1].action]}
    for job in chance.sample(list(Job.objects.all()), 100):
        assert_sound(job.id)


def _confirmed(action: str, count: int) -> BulkOperation:
    operation = bulk.create(action, Selection(filter={"type": TYPE}), by=STAFF)
    operation = bulk.confirm(operation.id, by=STAFF, reason="for the sake of it")
    assert operation.selected == count
    return operation


def _strike(observer: psycopg.Connection[tuple[object, ...]], *, after: float) -> int:
    """Starts a runner and kills it so many seconds after it was seen at work; 0 when it had done everything by then."""
    with running(*RUNNER) as runner:
        wait_until(lambda: observer.execute(AT_WORK).rowcount > 0, seconds=30, what="the runner is at work")
        observer.execute("select pg_sleep(%s)", [after])
        if not BulkOperation.objects.filter(state="running").exists():
            return 0
        os.kill(runner.pid, signal.SIGKILL)
        runner.wait()
    # The server notices when the statement under way has ended, and takes back what was not committed.
    wait_until(lambda: observer.execute(AT_WORK).rowcount == 0, seconds=30, what="nobody is at work any more")
    return 1


def _assert_each_done_once(operation: BulkOperation, count: int) -> None:
    operation.refresh_from_db()
    assert (operation.state, operation.changed, operation.skipped, operation.failed) == ("done", count, 0, 0)
    ids = list(BulkItem.objects.filter(operation_id=operation.id, outcome="changed").values_list("job_id", flat=True))
    entries = AuditEntry.objects.filter(request_id=operation.id, job_id__isnull=False, action=operation.action)
    assert Counter(entries.values_list("job_id", flat=True)) == Counter(ids)
    assert len(set(ids)) == count
    assert AuditEntry.objects.filter(subject_id=operation.id, action="finish").count() == 1


def _execute(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)
