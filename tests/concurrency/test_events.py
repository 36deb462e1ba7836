"""The feed gives every entry once and in one order, though ids are handed out before commits and transactions overtake each other."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest
from django.db import connection, transaction

from jobs import events
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.events import Place
from jobs.models import AuditEntry, Job
from tests.concurrency.crowd import in_threads
from tests.factories import HOLDER, PRODUCER, STAFF, JobFactory

Entry = dict[str, object]
MOST_BYTES = 8 * 1024 * 1024
WAITS = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.fixture
def another() -> Iterator[Callable[..., object]]:
    """Does something over a connection of its own while the test's transaction is open."""
    with ThreadPoolExecutor(1) as thread:
        yield lambda act, *arguments: thread.submit(act, *arguments).result()
        thread.submit(lambda: connection.close()).result()


def test_a_reader_waits_for_an_older_transaction_and_then_misses_nothing(live_db: str, another: Callable[..., object]) -> None:
    with transaction.atomic():
        older = JobFactory()
        younger = another(JobFactory)
        feed = another(_read, Place(0, 0))
        assert isinstance(feed, events.Feed)
        assert (feed.entries, feed.next) == ([], None)
        assert feed.lag_seconds > 0
    feed = _read(Place(0, 0))

    assert isinstance(younger, Job)
    assert [entry["job_id"] for entry in feed.entries] == [older.id, younger.id]
    assert feed.lag_seconds == 0


def test_a_batch_that_waited_for_a_younger_transaction_comes_after_it(live_db: str) -> None:
    """The batch has its transaction id already when it waits: by that id alone its entry would stand before the one it waited for."""
    first: Job = JobFactory()
    contested: Job = JobFactory()
    has_row = threading.Event()
    with ThreadPoolExecutor(1) as thread, transaction.atomic():
        first.cancel(by=STAFF)
        thread.submit(_cancel_and_keep_waiting, contested, live_db, has_row)
        assert has_row.wait(10)
        contested.retry(by=STAFF)
    entries = [entry for entry in _read(Place(0, 0)).entries if entry["job_id"] == contested.id]

    assert [(entry["sequence"], entry["action"]) for entry in entries] == [(0, "enqueue"), (1, "cancel"), (2, "retry")]


@pytest.mark.parametrize("seconds", [2, pytest.param(20, marks=pytest.mark.full)])
def test_readers_among_writers_that_overtake_and_roll_back_get_each_entry_once(seconds: float, live_db: str) -> None:
    until = time.monotonic() + seconds
    writers = [partial(_write, number, until) for number in range(4)]
    *_, (seen, last) = in_threads([*writers, partial(_follow, until)])
    # What was committed after the reader's last look.
    while (feed := _read(last)).next:
        seen += feed.entries
        last = feed.next

    assert len(seen) > 200
    assert sorted(entry["id"] for entry in seen) == list(AuditEntry.objects.order_by("id").values_list("id", flat=True))  # type: ignore[type-var]
    stories: dict[object, list[object]] = defaultdict(list)
    for entry in seen:
        stories[entry["job_id"]].append(entry["sequence"])
    assert all(story == list(range(len(story))) for story in stories.values())


def _read(place: Place, limit: int = 1000) -> events.Feed:
    return events.after(place, limit=limit, most_bytes=MOST_BYTES)


def _cancel_and_keep_waiting(job: Job, url: str, has_row: threading.Event) -> None:
    deadline = time.monotonic() + 10
    with psycopg.connect(url, autocommit=True) as watcher, transaction.atomic():
        job.cancel(by=STAFF)
        has_row.set()
        while watcher.execute(WAITS).fetchone() != (1,):
            assert time.monotonic() < deadline, "nobody waits for the row"
            time.sleep(0.005)
    connection.close()


def _write(number: int, until: float) -> tuple[list[Entry], Place]:
    chance = random.Random(number)  # noqa: S311  not a secret
    while time.monotonic() < until:
        with transaction.atomic():
            enqueue([NewJob(type=f"type-{chance.randrange(3)}", max_attempts=3) for _ in range(chance.randrange(1, 5))], by=PRODUCER)
            time.sleep(chance.choice([0, 0.001, 0.02]))
            for job in claim(by=HOLDER, batch_size=3, job_types=[f"type-{chance.randrange(3)}"]).jobs:
                job.start(by=HOLDER, epoch=job.epoch)
                if chance.random() < 0.5:
                    job.release(by=HOLDER, epoch=job.epoch)
            time.sleep(chance.choice([0, 0.001, 0.02]))
            transaction.set_rollback(chance.random() < 0.3)
    return [], Place(0, 0)


def _follow(until: float) -> tuple[list[Entry], Place]:
    seen: list[Entry] = []
    last = Place(0, 0)
    while time.monotonic() < until:
        feed = _read(last, limit=random.choice([1, 7, 500]))  # noqa: S311  not a secret
        seen += feed.entries
        last = feed.next or last
    return seen, last
