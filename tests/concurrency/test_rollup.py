"""The roll-up counts each entry once, however many fold it, whoever overtakes whom, and whoever is killed meanwhile."""

import random
import subprocess
import sys
import time
from collections import Counter
from functools import partial

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from jobs import folding, rollup, timing
from jobs.lifecycle import Status
from jobs.models import AuditEntry, Job
from tests.chaos.load import wait_until
from tests.concurrency.crowd import in_threads
from tests.factories import JobFactory
from tests.lives import lived
from tests.rolled_up import fold_all, is_behind
from tests.server import REPOSITORY

FOLDERS, WRITERS = 4, 3


@pytest.mark.parametrize("lives", [40, pytest.param(400, marks=pytest.mark.full)])
def test_folders_at_once_count_as_one_while_writers_overtake_and_roll_back(lives: int, live_db: str) -> None:
    done: list[int] = []
    works = [*(partial(_write, number, lives, done) for number in range(WRITERS)), *[partial(_fold, done)] * FOLDERS]
    turns = in_threads(works)[WRITERS:]
    fold_all()

    assert sum(map(bool, turns)) > 1, "they folded one after the other"
    assert _counted() == _counted_in_the_log()
    assert sum(_counted().values()) > 5 * lives
    assert _spent() == _spent_by_the_jobs()


@pytest.mark.slow
def test_sweep_loops_that_are_killed_count_each_entry_once(live_db: str) -> None:
    chance = random.Random(11)  # noqa: S311  not a secret
    loops = [_loop() for _ in range(3)]
    try:
        for killed in range(6):
            before = _counted().total()
            for life in range(25):
                lived(chance, job_type=f"type-{killed}-{life}")
            _wait_for_more(before)
            time.sleep(chance.uniform(0, 0.2))
            loops[killed % 3].kill()
            loops[killed % 3].wait()
            loops[killed % 3] = _loop()
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    fold_all()

    assert _counted() == _counted_in_the_log()
    assert _spent() == _spent_by_the_jobs()


def test_an_older_transaction_that_comes_late_is_counted(live_db: str) -> None:
    with transaction.atomic():
        JobFactory(type="late")
        assert in_threads([_enqueue_and_fold]) == [{}]
    fold_all()

    assert {moved.type: moved.jobs for moved in rollup.moves()} == {"late": 1, "early": 1}


def test_a_fold_that_is_killed_before_its_commit_counts_nothing_and_the_next_counts_all(live_db: str) -> None:
    for _ in range(5):
        JobFactory(type="report", status="completed")
    folding.fold(rollup.FOLD, "rollup", most=3)

    with pytest.raises(OperationalError), transaction.atomic():
        assert folding.fold(rollup.FOLD, "rollup", most=10)
        _kill(live_db, connection.connection.info.backend_pid)
        rollup.fold()
    connection.close()

    assert rollup.moves() == []
    assert is_behind()
    fold_all()
    assert _counted() == _counted_in_the_log()


def test_whoever_finds_another_folding_does_not_wait_for_it(live_db: str) -> None:
    JobFactory(type="report", status="completed")
    rollup.fold()
    with transaction.atomic():
        rollup.fold()
        began = time.monotonic()
        assert in_threads([rollup.fold, rollup.forget_minutes]) == [False, False]
        assert time.monotonic() - began < 5

    fold_all()
    assert _counted() == _counted_in_the_log()


def _wait_for_more(before: int) -> None:
    wait_until(lambda: _counted().total() > before, seconds=30, what="a loop counts")


def _loop() -> subprocess.Popen[bytes]:
    """A sweep loop as it runs in life: its process finds the test's database in the environment."""
    return subprocess.Popen([sys.executable, str(REPOSITORY / "manage.py"), "sweep_stuck_jobs", "--loop", "--interval", "0.1"])


def _write(number: int, lives: int, done: list[int]) -> int:
    chance = random.Random(number)  # noqa: S311  not a secret
    try:
        for life in range(lives):
            with transaction.atomic():
                lived(chance, job_type=f"type-{number}-{life}")
                transaction.set_rollback(chance.random() < 0.3)
    finally:
        done.append(number)
    return lives


def _fold(done: list[int]) -> int:
    """Until all writers are done; how many rounds found more than they could take."""
    full = 0
    while len(done) < WRITERS:
        full += folding.fold(rollup.FOLD, "rollup", most=random.choice([1, 7, 100]))  # noqa: S311  not a secret
        rollup.forget_minutes()
    return full


def _enqueue_and_fold() -> dict[str, int]:
    JobFactory(type="early")
    for _ in range(3):
        rollup.fold()
    return {moved.type: moved.jobs for moved in rollup.moves()}


def _kill(url: str, backend: int) -> None:
    with psycopg.connect(url, autocommit=True) as killer:
        killer.execute("select pg_terminate_backend(%s, 5000)", [backend])


def _counted() -> Counter[tuple[str | None, str]]:
    counts: Counter[tuple[str | None, str]] = Counter()
    for moved in rollup.moves():
        counts[moved.from_status, moved.to_status] += moved.jobs
    return counts


def _counted_in_the_log() -> Counter[tuple[str | None, str]]:
    entries = AuditEntry.objects.values_list("from_status", "to_status")
    return Counter((source, str(target)) for source, target in entries if source != target)


def _spent() -> dict[str, int]:
    """Microseconds by state, of jobs that have ended."""
    ended = set(Job.objects.filter(status__in=[status for status in Status if status.is_terminal]).values_list("type", flat=True))
    counts: Counter[str] = Counter()
    for spread in rollup.spreads():
        if spread.type in ended:
            counts[spread.state] += spread.microseconds
    return counts


def _spent_by_the_jobs() -> dict[str, int]:
    counts: Counter[str] = Counter()
    for job in Job.objects.filter(completed_at__isnull=False):
        account = timing.of(job.id, now=job.updated_at)
        for stretch in account.stretches:
            counts[stretch.state] += stretch.microseconds
    return counts
