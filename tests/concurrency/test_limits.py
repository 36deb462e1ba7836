"""Twenty claimers never hold more of a type than may be held, with producers, sweepers and changing limits beside them."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import chain, groupby

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from jobs import job_types
from jobs.actors import Actor, Holder
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.models import AuditEntry, Job
from jobs.outcomes import Report, judge
from jobs.sweeps import sweep
from jobs.transitions import Step, apply
from tests.concurrency.crowd import deadlocks, in_processes, in_threads
from tests.factories import PRODUCER, STAFF, JobFactory
from tests.ledger import assert_sound

PROCESSES, THREADS = 4, 5
LIMITS = {"one": 1, "two": 2, "five": 5, "moving": 3}
TYPES = (*LIMITS, "free")
JOBS = 240
WITHIN_SECONDS = 90
LIVE = ("claimed", "running")


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.full), pytest.param(3, marks=pytest.mark.full)])
def test_twenty_claimers_never_hold_more_of_a_type_than_its_limit_and_leave_none_behind(seed: int, live_db: str) -> None:
    for name, most in LIMITS.items():
        job_types.configure(name, by=STAFF, reason="a race", concurrency_limit=most)

    claims = sum(chain.from_iterable(in_processes(_work, [(seed, number) for number in range(PROCESSES)])))

    assert Job.objects.filter(status="completed").count() == JOBS
    held = {name: [*_held_over_time(name)] for name in LIMITS}
    assert [moment for name in LIMITS for moment in held[name] if moment[1] > moment[2]] == []
    for name in ("one", "two"):
        assert max(count for _, count, _ in held[name]) == LIMITS[name], f"the limit of {name} was never reached: that was no race"
    assert claims > JOBS, "nothing was claimed twice: no run was given back or lost"
    assert not Job.objects.filter(holds_slot=True).exists()
    assert deadlocks() == 0
    for job in Job.objects.all()[::10]:
        assert_sound(job.id)


def test_a_limit_that_waits_for_a_locked_job_lets_claims_go_on_meanwhile(live_db: str) -> None:
    """(It must count what is held, and marks it; all claims wait while it does.)"""
    job = JobFactory(status="running", type="report")
    enqueue([NewJob(type="import") for _ in range(40)], by=PRODUCER)
    with psycopg.connect(live_db) as other, ThreadPoolExecutor(1) as thread:
        other.execute("select from jobs where id = %s for update", [job.id])
        limited = thread.submit(_limit_report)
        took = []
        for _ in range(20):
            began = time.monotonic()
            assert claim(by=Holder.of("orch-2"), batch_size=1, job_types=["import"]).jobs
            took.append(time.monotonic() - began)
            time.sleep(0.1)
        assert not limited.done()
        other.rollback()
        assert limited.result() == {"concurrency_limit": {"from": None, "to": 1}}

    assert max(took) < 3
    job.refresh_from_db()
    assert job.holds_slot


def _limit_report() -> dict[str, object]:
    try:
        return job_types.configure("report", by=STAFF, reason="a licence", concurrency_limit=1)
    finally:
        connection.close()


def _held_over_time(name: str) -> Iterator[tuple[datetime, int, int]]:
    """After each claim of the type, by the audit log alone: when, how many were held, and how many might be."""
    entries = AuditEntry.objects.filter(job_id__in=Job.objects.filter(type=name).values("id")).exclude(to_status="queued", from_status=None)
    changes = AuditEntry.objects.filter(action="configure", subject_id=name).order_by("at")
    limits = [(entry.at, (entry.detail or {})["changes"]["concurrencyLimit"]["to"]) for entry in changes]
    held = 0
    # What ended in the microsecond of a claim had ended before it.
    for at, together in groupby(entries.order_by("at"), key=lambda entry: entry.at):
        steps = list(together)
        held += sum((entry.to_status in LIVE) - (entry.from_status in LIVE) for entry in steps)
        if any(entry.action == "claim" for entry in steps):
            yield at, held, [most for since, most in limits if since < at][-1]


def _work(seed: int, process: int) -> list[int]:
    done = threading.Event()
    chances = [random.Random(f"{seed} {process} {thread}") for thread in range(THREADS + 1)]  # noqa: S311  no secret: repeatable
    claimers = [partial(_claim_on, Holder.of(f"orch-{process}-{thread}"), chances[thread], done) for thread in range(THREADS)]
    beside = (partial(_produce, chances[-1], done), partial(_move_limit, chances[-1], done), partial(_sweep_on, done))
    return in_threads([*claimers, beside[min(process, len(beside) - 1)]])


def _claim_on(by: Holder, chance: random.Random, done: threading.Event) -> int:
    """Claims, and ends what it has got in one way or another, until all jobs have completed; returns how many it got."""
    deadline, claimed = time.monotonic() + WITHIN_SECONDS, 0
    try:
        while not done.is_set():
            assert time.monotonic() < deadline, "some jobs are never claimed"
            types = chance.sample(TYPES, 2) if chance.random() < 0.3 else None
            # As where a commit waits for its standby: meanwhile nobody sees what was claimed.
            with transaction.atomic():
                jobs = claim(by=by, batch_size=chance.randint(1, 6), job_types=types).jobs
                time.sleep(chance.random() / 200)
            claimed += len(jobs)
            if jobs:
                time.sleep(chance.random() / 100)
                apply([step for job in jobs if (step := _ending(job, chance))], by=by)
            elif Job.objects.filter(status="completed").count() == JOBS:
                break
    finally:
        done.set()
    return claimed


def _ending(job: Job, chance: random.Random) -> Step | None:
    drawn = chance.random()
    if drawn < 0.05:
        # It is lost: a sweep gives it back.
        Job.objects.filter(id=job.id).update(lease_expires_at=Now())
        return None
    if drawn < 0.15:
        return Step(job_id=job.id, action="release")
    report = Report(error="it broke", retry_after_seconds=0) if drawn < 0.3 else Report(exit_code=0)
    return Step.ending(judge(report), job_id=job.id)


def _produce(chance: random.Random, done: threading.Event) -> int:
    """A few at a time, some better than those that wait: what a claimer sees at the head of a type, the next one does not."""
    for _ in range(0, JOBS, 4):
        enqueue([NewJob(type=chance.choice(TYPES), priority=chance.randint(0, 100), max_attempts=1000) for _ in range(4)], by=PRODUCER)
        if done.wait(0.01):
            break
    return 0


def _move_limit(chance: random.Random, done: threading.Event) -> int:
    while not done.wait(0.05):
        job_types.configure("moving", by=STAFF, reason="a race", concurrency_limit=chance.randint(1, 6))
    return 0


def _sweep_on(done: threading.Event) -> int:
    while not done.wait(0.02):
        sweep(by=Actor.sweep(), force=True)
    return 0
