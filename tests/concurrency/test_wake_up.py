"""Who waits for a job is woken when one is enqueued, and finds it by looking where no wake-up arrives."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection

from jobs import claiming, job_types
from jobs.claiming import Claim, claim
from jobs.enqueueing import NewJob, enqueue
from jobs.outcomes import Report
from orchestration_api.waiting import LongPolls
from tests.factories import HOLDER, PRODUCER, STAFF

# So long that within a test nobody looks a second time without being woken, not even a tenth of it.
NEVER = 3600.0
LISTENERS = "select pid from pg_stat_activity where application_name = 'jobsite listener' and query like 'LISTEN%%' and datname = %s"
Waited = tuple[Claim | None, str]


@pytest.fixture
def polls(live_db: str) -> Iterator[LongPolls]:
    """Long polls that are woken and don't look by themselves."""
    polls = LongPolls(places=2, probe_seconds=NEVER, listen_to=live_db)
    yield polls
    polls.stop()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def test_an_enqueued_job_wakes_who_waits(polls: LongPolls, threads: ThreadPoolExecutor, live_db: str) -> None:
    waiting = _wait(polls, threads, live_db)
    (job,) = enqueue([NewJob(type="t")], by=PRODUCER)

    assert _ids(waiting) == [job.id]


def test_who_is_woken_and_finds_nothing_waits_on(polls: LongPolls, threads: ThreadPoolExecutor, live_db: str) -> None:
    waiting = [_wait(polls, threads, live_db), _wait(polls, threads, live_db)]
    for number in range(2):
        # The second one only when the first is taken: by then the one who lost it has looked, or will.
        (job,) = enqueue([NewJob(type="t")], by=PRODUCER)
        _until(lambda: sum(each.done() for each in waiting) == number + 1)  # noqa: B023  called before the next round
        assert job.id in [each for wait in waiting if wait.done() for each in _ids(wait)]


def test_a_listener_whose_connection_breaks_comes_back(polls: LongPolls, threads: ThreadPoolExecutor, live_db: str) -> None:
    waiting = _wait(polls, threads, live_db)
    (broken,) = _listeners(live_db)
    with psycopg.connect(live_db, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s)", [broken])
    _until(lambda: _listeners(live_db) not in ([], [broken]))
    (job,) = enqueue([NewJob(type="t")], by=PRODUCER)

    assert _ids(waiting) == [job.id]


def test_a_job_is_found_by_looking_where_no_wake_up_arrives(threads: ThreadPoolExecutor, live_db: str) -> None:
    elsewhere = urlsplit(live_db)._replace(path="/postgres").geturl()
    polls = LongPolls(places=1, listen_to=elsewhere)
    try:
        waiting = _wait(polls, threads, elsewhere)
        (job,) = enqueue([NewJob(type="t")], by=PRODUCER)

        assert _ids(waiting) == [job.id]
    finally:
        polls.stop()


@pytest.mark.parametrize("address", ["postgres://nobody@127.0.0.1:1/nothing", "postgres://:x@/%00"])
def test_a_job_is_found_by_looking_where_nobody_can_listen(address: str, threads: ThreadPoolExecutor, live_db: str) -> None:
    polls = LongPolls(places=1, listen_to=address)
    try:
        waiting = threads.submit(_claiming, polls, threading.Event())
        (job,) = enqueue([NewJob(type="t")], by=PRODUCER)

        assert _ids(waiting) == [job.id]
    finally:
        polls.stop()


@pytest.mark.parametrize("way", ["a release", "a retry", "its time has come"])
def test_whatever_else_makes_a_job_claimable_is_found_by_looking(way: str, threads: ThreadPoolExecutor, live_db: str) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    (job,) = enqueue([NewJob(type="t", scheduled_for=soon if way == "its time has come" else None)], by=PRODUCER)
    if way == "a retry":
        job.cancel(by=PRODUCER)
    elif way == "a release":
        claim(by=HOLDER, batch_size=1)
    polls = LongPolls(places=1, listen_to=live_db)
    try:
        waiting = _wait(polls, threads, live_db)
        if way == "a release":
            job.release(by=HOLDER)
        elif way == "a retry":
            job.retry(by=PRODUCER)

        assert _ids(waiting) == [job.id]
    finally:
        polls.stop()


@pytest.mark.parametrize("way", ["a run ends", "the limit is raised", "the limit goes"])
def test_a_place_that_becomes_free_is_found_in_time_and_not_asked_for_meanwhile(
    way: str, threads: ThreadPoolExecutor, live_db: str
) -> None:
    job_types.configure("t", by=STAFF, reason="a licence", concurrency_limit=1)
    held, waits = enqueue([NewJob(type="t"), NewJob(type="t")], by=PRODUCER)
    claim(by=HOLDER, batch_size=1)
    asked: list[float] = []

    def attempt() -> Claim | None:
        # As the API does: a claim that found the type at its limit would lock the type to find nothing.
        if not claiming.is_anything_due():
            return None
        asked.append(time.monotonic())
        won = claim(by=HOLDER, batch_size=1)
        return won if won.jobs else None

    polls = LongPolls(places=1, listen_to=live_db)
    try:
        waiting = threads.submit(_waited, polls, attempt)
        time.sleep(0.5)
        assert asked == []
        if way == "a run ends":
            held.complete(Report(exit_code=0), by=HOLDER)
        else:
            job_types.configure("t", by=STAFF, reason="another", concurrency_limit=2 if way == "the limit is raised" else None)
        freed = time.monotonic()

        assert _ids(waiting) == [waits.id]
        # (200 ms on a machine that is not as busy as ours may be.)
        assert asked[0] - freed < 1
    finally:
        polls.stop()


def test_a_wait_ends_at_once_when_the_process_stops(polls: LongPolls, threads: ThreadPoolExecutor, live_db: str) -> None:
    waiting = _wait(polls, threads, live_db)
    polls.stop()

    assert waiting.result() == (None, "nothing")
    _until(lambda: _listeners(live_db) == [])


@pytest.mark.parametrize(
    ("before", "enqueued", "rings"),
    [
        ([], [NewJob(type="a")], 1),
        ([], [NewJob(type="a"), NewJob(type="b")] * 10, 1),
        ([NewJob(type="a")], [NewJob(type="a")], 0),
        ([NewJob(type="a")], [NewJob(type="a"), NewJob(type="b")], 1),
    ],
    ids=["one", "many in one transaction", "of a type that waits already", "of another type"],
)
def test_a_transaction_notifies_once_and_only_for_a_type_that_had_nothing(
    before: list[NewJob], enqueued: list[NewJob], rings: int, live_db: str
) -> None:
    enqueue(before, by=PRODUCER)
    with psycopg.connect(live_db, autocommit=True) as listening:
        listening.execute("listen jobs_due")
        enqueue(enqueued, by=PRODUCER)
        listening.execute("notify jobs_due, 'end'")
        heard = [notification.payload for notification in listening.notifies(stop_after=rings + 1, timeout=10)]

    assert heard == [""] * rings + ["end"]


def _wait(polls: LongPolls, threads: ThreadPoolExecutor, url: str) -> Future[Waited]:
    """Somebody who has looked once in vain, and listens."""
    looked = threading.Event()
    waiting = threads.submit(_claiming, polls, looked)
    assert looked.wait(10)
    _until(lambda: _listeners(url) != [])
    return waiting


def _claiming(polls: LongPolls, looked: threading.Event) -> Waited:
    def attempt() -> Claim | None:
        won = claim(by=HOLDER, batch_size=1)
        looked.set()
        return won if won.jobs else None

    return _waited(polls, attempt)


def _waited(polls: LongPolls, attempt: Callable[[], Claim | None]) -> Waited:
    try:
        return polls.wait_for(attempt, seconds=20)
    finally:
        connection.close()


def _ids(waiting: Future[Waited]) -> list[str]:
    found, _ = waiting.result(30)
    assert found is not None, "nothing came in all the time that it waited"
    return [job.id for job in found.jobs]


def _listeners(url: str) -> list[int]:
    with psycopg.connect(url, autocommit=True) as watcher:
        return [pid for (pid,) in watcher.execute(LISTENERS, [urlsplit(url).path.removeprefix("/")])]


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
