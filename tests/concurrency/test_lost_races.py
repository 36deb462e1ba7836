"""Two who change the same job at the same moment: the database decides who was first, and the other one learns it."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import psycopg
import pytest
from django.db import connection

from jobs.lifecycle import TransitionRefused
from jobs.models import Job
from jobs.outcomes import Report
from tests.concurrency.crowd import in_threads
from tests.concurrency.duels import DUELS, Change, Duel
from tests.factories import HOLDER, JobFactory
from tests.ledger import assert_sound

ROUNDS = 20
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.mark.parametrize("duel", DUELS.values(), ids=DUELS.keys())
def test_of_two_who_change_a_job_at_once_each_is_told_what_came_of_it(duel: Duel, live_db: str) -> None:
    for _ in range(ROUNDS):
        job = _job_for(duel)

        left, right = in_threads([partial(duel.left, job), partial(duel.right, job)])

        _assert_fair(duel, job, left, right)


@pytest.mark.parametrize("name", [name for name, duel in DUELS.items() if not duel.skips_locked])
def test_of_two_who_wait_for_the_same_row_each_is_told_what_came_of_it(name: str, live_db: str) -> None:
    duel = DUELS[name]
    for order in ("left first", "right first"):
        job = _job_for(duel)
        first, second = (duel.left, duel.right) if order == "left first" else (duel.right, duel.left)

        # Both statements take their snapshots before either gets the row: whoever judged by the snapshot would judge wrong.
        with psycopg.connect(live_db) as holder_of_row, ThreadPoolExecutor(2) as threads:
            holder_of_row.execute("select from jobs where id = %s for no key update", [job.id])
            of_first = _waiting_in_line(threads, live_db, first, job, place=1)
            of_second = _waiting_in_line(threads, live_db, second, job, place=2)
            holder_of_row.rollback()

        told = (of_first.result(), of_second.result())
        assert told[0] == "done", order
        _assert_fair(duel, job, *(told if order == "left first" else reversed(told)))


def test_a_lease_that_runs_out_while_its_report_waits_for_the_row_has_run_out(live_db: str) -> None:
    job = JobFactory(status="running")
    with psycopg.connect(live_db) as holder_of_row, ThreadPoolExecutor(1) as threads:
        # The lease is still good when the report is sent, and when its statement begins.
        holder_of_row.execute("update jobs set lease_expires_at = clock_timestamp() + interval '300 ms' where id = %s", [job.id])
        holder_of_row.commit()
        holder_of_row.execute("select from jobs where id = %s for no key update", [job.id])
        told = _waiting_in_line(threads, live_db, _complete, job, place=1)
        holder_of_row.execute("select pg_sleep(0.5)")
        holder_of_row.rollback()

    assert told.result() == "LEASE_EXPIRED"
    assert Job.objects.get(id=job.id).status == "running"


def _complete(job: Job) -> str:
    try:
        return job.complete(Report(exit_code=0), by=HOLDER).verdict
    except TransitionRefused as refusal:
        return refusal.code


def _job_for(duel: Duel) -> Job:
    job: Job = JobFactory(status=duel.status)
    if duel.expired:
        with connection.cursor() as cursor:
            cursor.execute("update jobs set lease_expires_at = clock_timestamp() where id = %s", [job.id])
    return job


def _assert_fair(duel: Duel, job: Job, left: str, right: str) -> None:
    assert (left, right, Job.objects.get(id=job.id).status) in duel.outcomes
    assert_sound(job.id)


def _waiting_in_line(threads: ThreadPoolExecutor, url: str, change: Change, job: Job, place: int) -> Future[str]:
    future = threads.submit(_alone, change, job)
    deadline = time.monotonic() + 10
    with psycopg.connect(url, autocommit=True) as watcher:
        while watcher.execute(WAITING).fetchone() != (place,):
            assert time.monotonic() < deadline, "it does not wait for the row"
            assert not future.done(), f"it went past the locked row: {future.result()}"
            time.sleep(0.005)
    return future


def _alone(change: Change, job: Job) -> str:
    try:
        return change(job)
    finally:
        connection.close()
