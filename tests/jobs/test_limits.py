"""How many jobs of a type may be held at a time: the claim keeps to it, whatever it takes beside them, and each that ends makes room."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from jobs import job_types
from jobs.actors import Actor
from jobs.claiming import claim, is_anything_due, queue_size
from jobs.enqueueing import NewJob, enqueue
from jobs.models import Job
from jobs.outcomes import Report
from jobs.sweeps import sweep
from tests.factories import HOLDER, OTHER, PRODUCER, STAFF, JobFactory

Sql = Callable[..., list[tuple[Any, ...]]]
WHY = "the licence is for two"
TYPES = ("free", "open", "one", "three", "ten")
LIMITS = {"one": 1, "three": 3, "ten": 10}


def limit(name: str, most: int | None) -> None:
    job_types.configure(name, by=STAFF, reason=WHY, concurrency_limit=most)


def make(count: int, *, type: str = "a", **fields: Any) -> list[str]:
    return [job.id for job in enqueue([NewJob(type=type, **fields) for _ in range(count)], by=PRODUCER)]


def got(asked: int = 500, types: list[str] | None = None) -> list[str]:
    return [job.id for job in claim(by=HOLDER, batch_size=asked, job_types=types).jobs]


@pytest.mark.django_db
def test_no_more_are_claimed_than_may_be_held() -> None:
    ids = make(5)
    limit("a", 2)

    assert (got(1), got(), got()) == (ids[:1], ids[1:2], [])
    assert job_types.slot_holders("a") == {HOLDER.name: 2}


def complete(job: Job) -> None:
    job.complete(Report(exit_code=0), by=HOLDER)


def fail(job: Job) -> None:
    job.start(by=HOLDER)
    job.fail(Report(error="it broke"), by=HOLDER)


def lose(job: Job) -> None:
    Job.objects.filter(id=job.id).update(lease_expires_at=Now() - timedelta(seconds=1))
    sweep(by=Actor.sweep())


WAYS: dict[str, Callable[[Job], object]] = {
    "completed": complete,
    "failed": fail,
    "given back": lambda job: job.release(by=HOLDER),
    "cancelled by force": lambda job: job.cancel(by=STAFF, force=True),
    "its claim ran out": lose,
}


@pytest.mark.django_db
@pytest.mark.parametrize("attempts", [1, 2], ids=["at last", "tried again"])
@pytest.mark.parametrize("way", WAYS)
def test_whatever_ends_a_run_makes_room_for_one(way: str, attempts: int) -> None:
    make(4, max_attempts=attempts)
    limit("a", 2)
    first, second = claim(by=HOLDER, batch_size=500).jobs

    WAYS[way](Job.objects.get(id=first.id))
    (third,) = got()
    assert {third, second.id} == set(Job.objects.filter(holds_slot=True).values_list("id", flat=True))
    assert got() == []


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(12))
def test_limited_and_unlimited_types_are_claimed_in_one_order(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  no secret: repeatable
    for name, most in LIMITS.items():
        limit(name, most)
    began = datetime.now(UTC)
    jobs = enqueue(
        [
            NewJob(
                type=chance.choice(TYPES),
                priority=chance.choice((0, 50, 100)),
                scheduled_for=began - timedelta(seconds=chance.randrange(5)),
            )
            for _ in range(120)
        ],
        by=PRODUCER,
    )
    waiting = sorted(jobs, key=lambda job: (-job.priority, job.scheduled_for, job.id))
    held: Counter[str] = Counter()
    while waiting:
        asked, types = chance.choice((1, 4, 25, 500)), chance.choice([None, list(TYPES), ["one", "three"], ["free", "ten"], ["ten"]])
        expected: list[str] = []
        for job in waiting:
            if len(expected) < asked and (types is None or job.type in types) and held[job.type] < LIMITS.get(job.type, 500):
                expected.append(job.id)
                held[job.type] += 1

        assert got(asked, types) == expected
        waiting = [job for job in waiting if job.id not in expected]
        if chance.random() < 0.5:
            for job in Job.objects.filter(status="claimed", type__in=LIMITS):
                complete(job)
                held[job.type] -= 1
    assert set(Job.objects.filter(holds_slot=True).values_list("type", flat=True)) <= LIMITS.keys()


@pytest.mark.django_db
def test_whatever_labels_they_require_jobs_of_a_type_share_its_limit() -> None:
    jobs = enqueue([NewJob(type="a", labels=labels) for labels in ((), ("gpu",), (), ("gpu",), ("eu", "gpu"), ())], by=PRODUCER)
    limit("a", 4)

    won = claim(by=HOLDER, batch_size=500, labels=["gpu", "eu"]).jobs
    assert [job.id for job in won] == [job.id for job in jobs[:4]]
    assert got() == []
    complete(Job.objects.get(id=jobs[0].id))
    # The best of those that it takes, not of those that wait.
    assert got() == [jobs[5].id]


@pytest.mark.django_db
def test_a_type_at_its_limit_is_not_due_and_does_not_count() -> None:
    make(3, type="a")
    make(2, type="b")
    limit("a", 1)
    assert (is_anything_due(["a"]), queue_size(["a"]), queue_size()) == (True, 3, 5)

    (held,) = got(types=["a"])
    assert (is_anything_due(["a"]), queue_size(["a"]), queue_size()) == (False, 0, 2)
    complete(Job.objects.get(id=held))
    assert (is_anything_due(["a"]), queue_size(["a"])) == (True, 2)


@pytest.mark.django_db
def test_what_is_held_when_a_limit_comes_counts_and_is_forgotten_when_it_goes() -> None:
    ids = make(5)
    got(2)
    limit("a", 3)
    assert (got(), got()) == (ids[2:3], [])

    limit("a", None)
    assert not Job.objects.filter(holds_slot=True).exists()
    assert got() == ids[3:]


@pytest.mark.django_db
def test_a_limit_below_what_is_held_takes_nothing_away_and_gives_nothing_until_enough_has_ended() -> None:
    ids = make(8)
    limit("a", 4)
    got()
    limit("a", 2)

    for done in ids[:2]:
        assert got() == []
        complete(Job.objects.get(id=done))
    assert got() == []
    complete(Job.objects.get(id=ids[2]))
    assert got() == ids[4:5]
    limit("a", 3)
    assert got() == ids[5:6]


def test_a_claim_passes_over_a_type_that_another_is_just_claiming_from(live_db: str) -> None:
    make(1, type="a")
    others = make(2, type="b")
    limit("a", 1)
    with psycopg.connect(live_db) as neighbour:
        taken = neighbour.execute("select id from claim_jobs('{a}', null, 1, 'orch-2', null, null, 60, 1000000)").fetchall()
        make(1, type="a", priority=100)

        assert (len(taken), got()) == (1, others)
        neighbour.commit()
    assert got() == []
    assert job_types.slot_holders("a") == {OTHER.name: 1}


def test_a_claim_that_finds_every_type_at_its_limit_writes_nothing(live_db: str) -> None:
    make(2)
    limit("a", 1)
    got()
    with transaction.atomic(), connection.cursor() as cursor:
        assert got() == []
        cursor.execute("select pg_current_xact_id_if_assigned()")
        assert cursor.fetchone() == (None,)


@pytest.mark.django_db
def test_the_database_lets_no_job_count_that_nobody_holds(sql: Sql) -> None:
    job = JobFactory()
    with pytest.raises(IntegrityError, match="jobs_live_has_lease"), transaction.atomic():
        sql("update jobs set holds_slot = true where id = %s", job.id)
