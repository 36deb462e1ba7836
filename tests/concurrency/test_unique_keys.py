"""Several who want the same unique key at once: one gets it, and the others learn which job has it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest
from django.db import connection, transaction

from jobs.enqueueing import NewJob, enqueue
from jobs.lifecycle import KeyTaken
from jobs.models import Job
from tests.concurrency.crowd import in_threads
from tests.factories import PRODUCER, STAFF, JobFactory
from tests.ledger import assert_sound

ROUNDS = 15
WAITS = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'transactionid'"


def test_of_many_jobs_asked_for_under_one_key_one_is_made(live_db: str) -> None:
    for number in range(ROUNDS):
        told = in_threads([partial(_enqueue, f"key-{number}")] * 6)

        (job,) = Job.objects.filter(unique_key=f"key-{number}")
        assert sorted(told) == sorted(["made", *[job.id] * 5])


def test_lists_that_share_keys_in_another_order_neither_deadlock_nor_mix(live_db: str) -> None:
    for number in range(ROUNDS):
        keys = [f"{number}-{place}" for place in range(20)]
        told = in_threads([partial(_enqueue, *keys), partial(_enqueue, *keys[::-1]), partial(_enqueue, *keys[10:], *keys[:10])])

        assert told.count("made") == 1
        assert Job.objects.filter(unique_key__in=keys).count() == 20


@pytest.mark.parametrize(
    ("act", "made"), [(lambda job: _enqueue("nightly"), 2), (lambda job: _retry(job), 1)], ids=["another is made", "one is retried"]
)
@pytest.mark.parametrize("commits", [True, False])
def test_who_waits_for_a_key_is_judged_by_what_came_of_it(act: Callable[[Job], str], made: int, commits: bool, live_db: str) -> None:
    job: Job = JobFactory(status="failed", unique_key="nightly")
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            (other,) = enqueue([NewJob(type="t", unique_key="nightly")], by=PRODUCER)
            waiting = threads.submit(_alone, partial(act, job))
            _until_somebody_waits(live_db)
            transaction.set_rollback(not commits)
        told = waiting.result()

    assert told == (other.id if commits else "made")
    assert Job.objects.filter(unique_key="nightly").count() == (2 if commits else made)
    assert Job.objects.filter(unique_key="nightly", status="queued").count() == 1
    assert_sound(job.id)


def _enqueue(*keys: str) -> str:
    try:
        enqueue([NewJob(type="t", unique_key=key) for key in keys], by=PRODUCER)
    except KeyTaken as refusal:
        return str(refusal.details["key_holder"])
    return "made"


def _retry(job: Job) -> str:
    try:
        job.retry(by=STAFF)
    except KeyTaken as refusal:
        return str(refusal.details["key_holder"])
    return "made"


def _alone(act: Callable[[], str]) -> str:
    try:
        return act()
    finally:
        connection.close()


def _until_somebody_waits(url: str) -> None:
    deadline = time.monotonic() + 10
    with psycopg.connect(url, autocommit=True) as watcher:
        while watcher.execute(WAITS).fetchone() != (1,):
            assert time.monotonic() < deadline, "nobody waits for the key"
            time.sleep(0.005)
