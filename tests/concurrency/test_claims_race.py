"""The claims race: 32 claimers, with sweepers, deserters and rolled-back claims beside them, share out a large queue without a quarrel."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from jobs.actors import Actor, Holder
from jobs.claiming import claim
from jobs.enqueueing import MOST_AT_ONCE, NewJob, enqueue
from jobs.models import AuditEntry, Job, Orchestrator
from jobs.sweeps import sweep
from tests.concurrency.crowd import deadlocks, in_processes, in_threads
from tests.factories import PRODUCER
from tests.ledger import assert_sound

PROCESSES, THREADS = 4, 8
JOBS = 5000
TYPES = ("report", "import", "export", "mail", "thumbnail", "invoice")
MOST_ASKED = 25


@dataclass(frozen=True, kw_only=True)
class Handed:
    """One job of a claim's answer.

    Attributes:
        rank: by which the jobs of one answer must ascend.
        deserted: the claimer has let its lease run out at once.
    """

    claimer: str
    job_id: str
    epoch: int
    type: str
    rank: tuple[int, datetime, str]
    deserted: bool


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """One claim that was kept: what was asked, and what came."""

    types: tuple[str, ...] | None
    asked: int
    jobs: list[Handed]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.full), pytest.param(3, marks=pytest.mark.full)])
def test_claims_that_race_share_out_the_queue(seed: int, live_db: str) -> None:
    ids = _fill(random.Random(seed))  # noqa: S311 - no secret: repeatable

    answers = [*chain.from_iterable(in_processes(_claim_in_threads, [(seed, number) for number in range(PROCESSES)]))]

    handed = [job for claimed in answers for job in claimed.jobs]
    assert all(len(claimed.jobs) <= claimed.asked for claimed in answers)
    assert all(job.type in claimed.types for claimed in answers if claimed.types for job in claimed.jobs)
    assert all([job.rank for job in claimed.jobs] == sorted(job.rank for job in claimed.jobs) for claimed in answers)
    # A job that was deserted comes to somebody again, under the next epoch; nothing else comes twice.
    assert max(Counter((job.job_id, job.epoch) for job in handed).values()) == 1
    assert Counter(job.job_id for job in handed if not job.deserted) == Counter(ids)
    assert Counter(job.job_id for job in handed) == Counter(AuditEntry.objects.filter(action="claim").values_list("job_id", flat=True))
    assert dict(Job.objects.values_list("id", "epoch")) == Counter(job.job_id for job in handed)
    assert len({job.claimer for job in handed}) > PROCESSES * THREADS // 2, "too few got anything: that was no race"
    assert sum(job.deserted for job in handed) >= JOBS // 50, "too few were deserted: the sweepers had nothing to do"
    assert deadlocks() == 0
    for job_id in {job.job_id for job in handed if job.deserted}:
        assert_sound(job_id)


@pytest.mark.parametrize("types", [1, 3], ids=["one lane", "three lanes"])
def test_a_claim_passes_over_jobs_that_somebody_holds_and_waits_for_nobody(types: int, live_db: str) -> None:
    ids = [job.id for job in enqueue([NewJob(type=TYPES[number % types]) for number in range(20)], by=PRODUCER)]
    with psycopg.connect(live_db) as neighbour, ThreadPoolExecutor(1) as threads:
        neighbour.execute("select from jobs where id = any(%s) for update", [ids[:8]])

        claimed = threads.submit(_claim_alone, Holder.of("orch-1"), 10).result(timeout=5)

    assert claimed == ids[8:18]


def test_a_claim_under_way_does_not_hold_the_row_of_its_orchestrator(live_db: str) -> None:
    """Else claims of one identity would wait for each other."""
    (job,) = enqueue([NewJob(type="report")], by=PRODUCER)
    with psycopg.connect(live_db) as neighbour, ThreadPoolExecutor(1) as threads:
        # The claim comes to a stop where it writes its entries.
        neighbour.execute("lock table audit_log in exclusive mode")
        under_way = threads.submit(_claim_alone, Holder.of("orch-1"), 1)

        deadline = time.monotonic() + 5
        while not Orchestrator.objects.filter(id="orch-1").exists():
            assert time.monotonic() < deadline, "the contact is not committed while the claim is under way"
            time.sleep(0.02)
        assert not under_way.done()
        neighbour.rollback()
        assert under_way.result(timeout=5) == [job.id]


def test_one_claim_asked_four_times_at_once_is_one_claim(live_db: str) -> None:
    enqueue([NewJob(type="report") for _ in range(20)], by=PRODUCER)
    with ThreadPoolExecutor(4) as threads:
        told = [threads.submit(_claim_alone, Holder.of("orch-1"), 5, "c-1") for _ in range(4)]
        answers = [one.result(timeout=10) for one in told]

    assert all(answer == answers[0] for answer in answers)
    assert len(answers[0]) == 5
    assert Job.objects.filter(status="claimed").count() == 5


def _claim_alone(by: Holder, asked: int, claim_id: str | None = None) -> list[str]:
    try:
        return [job.id for job in claim(by=by, batch_size=asked, claim_id=claim_id).jobs]
    finally:
        connection.close()


def _fill(chance: random.Random) -> list[str]:
    began = timezone.now()
    new = [
        NewJob(
            type=chance.choice(TYPES),
            priority=chance.choice((0, 25, 50, 75, 100)),
            scheduled_for=began - timedelta(seconds=chance.randrange(100)),
        )
        for _ in range(JOBS)
    ]
    batches = [new[start : start + MOST_AT_ONCE] for start in range(0, JOBS, MOST_AT_ONCE)]
    return [job.id for batch in batches for job in enqueue(batch, by=PRODUCER)]


def _claim_in_threads(seed: int, process: int) -> list[Claimed]:
    drained = threading.Event()
    names = [f"orch-{process}-{thread}" for thread in range(THREADS)]
    claimers = [partial(_claim_all, name, random.Random(f"{seed} {name}"), drained) for name in names]  # noqa: S311 - no secret: repeatable
    return [*chain.from_iterable(in_threads([*claimers, partial(_sweep_all, drained)]))]


def _claim_all(name: str, chance: random.Random, drained: threading.Event) -> list[Claimed]:
    try:
        return _claim_until(drained, Holder.of(name), chance)
    finally:
        # When it is drained it is set already; else this claimer has failed, and the others must not wait for its share.
        drained.set()


def _claim_until(drained: threading.Event, by: Holder, chance: random.Random) -> list[Claimed]:
    types = tuple(chance.sample(TYPES, 2)) if chance.random() < 0.3 else None
    kept: list[Claimed] = []
    while not drained.is_set():
        asked = chance.randint(1, MOST_ASKED)
        if chance.random() < 0.15:
            _claim_and_roll_back(by, asked)
            continue
        deserted = chance.random() < 0.05
        # In one transaction: between the two nobody may take the queue for drained.
        with transaction.atomic():
            jobs = claim(by=by, batch_size=asked, job_types=types).jobs
            if deserted:
                _desert(jobs)
        kept.append(Claimed(types=types, asked=asked, jobs=[_handed(job, by.name, deserted) for job in jobs]))
        if not jobs:
            time.sleep(0.02)
    return kept


def _claim_and_roll_back(by: Holder, asked: int) -> None:
    with transaction.atomic():
        claim(by=by, batch_size=asked)
        time.sleep(0.002)
        transaction.set_rollback(True)


def _desert(jobs: list[Job]) -> None:
    Job.objects.filter(id__in=[job.id for job in jobs]).update(lease_expires_at=Now())


def _handed(job: Job, claimer: str, deserted: bool) -> Handed:
    rank = (-job.priority, job.scheduled_for, job.id)
    return Handed(claimer=claimer, job_id=job.id, epoch=job.epoch, type=job.type, rank=rank, deserted=deserted)


def _sweep_all(drained: threading.Event) -> list[Claimed]:
    try:
        while not drained.is_set() and (Job.objects.filter(status="queued").exists() or Job.objects.stuck().exists()):
            sweep(by=Actor.sweep())
    finally:
        drained.set()
    return []
