"""Failures that are alike share no lock, and are counted exactly whoever folds, while they come in and while folders are killed."""

import os
import subprocess
import sys
import threading
from collections import Counter
from functools import partial

import psycopg
from django.db import connection, transaction

from jobs import failure_groups
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.models import FailureCount, FailureGroup, Job
from jobs.outcomes import Report
from tests.chaos.load import wait_until
from tests.concurrency.crowd import in_threads
from tests.factories import HOLDER, PRODUCER, JobFactory, running

REPORTERS, EACH, KINDS = 6, 40, 3
FOLD_AND_HANG = """
import django
django.setup()
from django.db import transaction
from jobs import failure_groups
with transaction.atomic():
    failure_groups.fold()
    print("folded", flush=True)
    input()
"""


def test_a_report_waits_for_no_other_that_fails_alike_nor_for_the_fold(live_db: str) -> None:
    one, other, third = (running(JobFactory(type="invoice")) for _ in range(3))
    third.fail(Report(error="order 3 not found"), by=HOLDER)
    reported = threading.Event()

    def report() -> None:
        other.fail(Report(error="order 2 not found"), by=HOLDER)
        reported.set()
        connection.close()

    # The first one has not committed, nor has who folds the third.
    with transaction.atomic():
        failure_groups.fold()
        one.fail(Report(error="order 1 not found"), by=HOLDER)
        beside = threading.Thread(target=report)
        beside.start()
        assert reported.wait(10), "the second report waits for the first, or for the fold"
    beside.join()

    fold_all()
    assert list(FailureGroup.objects.values_list("failures", flat=True)) == [3]


def test_who_finds_another_folding_goes_on_at_once(live_db: str) -> None:
    running(JobFactory()).fail(Report(error="it broke"), by=HOLDER)
    with transaction.atomic():
        failure_groups.fold()
        # The other neither waits nor counts.
        assert in_threads([failure_groups.fold]) == [False]
    assert list(FailureGroup.objects.values_list("failures", flat=True)) == [1]


def test_folders_at_once_count_each_failure_once_while_reports_come_in(live_db: str) -> None:
    jobs = _held(REPORTERS * EACH)
    ended = threading.Event()

    def report(share: list[Job]) -> None:
        for number, job in enumerate(share):
            job.fail(Report(error=f"order {number} not found" if number % KINDS else f"disk {number} full"), by=HOLDER)

    def report_all() -> None:
        in_threads([partial(report, jobs[place::REPORTERS]) for place in range(REPORTERS)])
        ended.set()
        connection.close()

    def fold() -> None:
        while not ended.wait(0.02):
            failure_groups.fold()

    in_threads([report_all, fold, fold, fold])
    fold_all()

    _assert_exact(REPORTERS * EACH)


def test_a_folder_that_is_killed_loses_nothing_and_counts_nothing_twice(live_db: str) -> None:
    for _ in range(3):
        for number, job in enumerate(_held(20)):
            job.fail(Report(error=f"order {number} not found"), by=HOLDER)
        _kill_while_folding(live_db)
    fold_all()

    _assert_exact(60)


def fold_all() -> None:
    while failure_groups.fold():
        pass


def _kill_while_folding(url: str) -> None:
    """A process folds, and dies before it commits."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "jobsite.settings"}
    folder = subprocess.Popen(
        [sys.executable, "-c", FOLD_AND_HANG], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with folder, psycopg.connect(url, autocommit=True) as observer:
        assert folder.stdout
        assert folder.stdout.readline() == "folded\n"
        folder.kill()
        left = "select from pg_stat_activity where datname = current_database() and state = 'idle in transaction'"
        wait_until(lambda: observer.execute(left).rowcount == 0, seconds=30, what="its connection is gone")


def _held(count: int) -> list[Job]:
    enqueue([NewJob(type="invoice") for _ in range(count)], by=PRODUCER)
    jobs: list[Job] = []
    while len(jobs) < count:
        jobs += claim(by=HOLDER, batch_size=min(500, count - len(jobs)), job_types=["invoice"]).jobs
    return jobs


def _assert_exact(count: int) -> None:
    """The groups and their hours tell what the rows do."""
    of_rows = Counter(Job.objects.filter(status="failed").values_list("fingerprint", flat=True))
    of_hours: Counter[str] = Counter()
    for name, failures in FailureCount.objects.values_list("fingerprint", "failures"):
        of_hours[name] += failures
    assert of_rows.total() == count
    assert dict(FailureGroup.objects.values_list("fingerprint", "failures")) == dict(of_rows) == dict(of_hours)
