"""Which jobs come to whom: by the labels that a job requires and those that an orchestrator declares."""

import random
from collections.abc import Callable, Sequence
from itertools import chain, combinations
from typing import Any

import pytest

from benchmarks.footprint import footprint
from jobs import pausing
from jobs.actors import Holder
from jobs.claiming import claim, is_anything_due, queue_size
from jobs.enqueueing import NewJob, enqueue, open_lanes
from jobs.filters import JobFilterSet
from jobs.leases import Pulse, heartbeat
from jobs.models import Job, Lane, Subscription
from tests.factories import HOLDER, OTHER, PRODUCER, STAFF, JobFactory

pytestmark = pytest.mark.django_db
Sql = Callable[..., list[tuple[Any, ...]]]
LABELS = ("gpu", "region:eu", "disk=ssd")
SETS = [*chain.from_iterable(combinations(LABELS, size) for size in range(len(LABELS) + 1))]


def make(*labels: str, type: str = "a") -> str:
    (job,) = enqueue([NewJob(type=type, labels=labels)], by=PRODUCER)
    return job.id


def got(by: Holder = HOLDER, **terms: Any) -> list[str]:
    return [job.id for job in claim(by=by, batch_size=500, **terms).jobs]


@pytest.mark.parametrize("declared", SETS, ids=lambda labels: "+".join(labels) or "none")
@pytest.mark.parametrize("said_with", ["a claim", "a heartbeat"])
def test_one_gets_what_requires_nothing_that_it_has_not(declared: tuple[str, ...], said_with: str) -> None:
    made = {required: make(*required) for required in SETS}
    if said_with == "a heartbeat":
        heartbeat(Pulse(labels=declared), by=HOLDER)
    terms: dict[str, Any] = {"labels": declared} if said_with == "a claim" else {}

    fitting = [job_id for required, job_id in made.items() if set(required) <= set(declared)]
    assert (queue_size(by=HOLDER, **terms), is_anything_due(by=HOLDER, **terms)) == (len(fitting), True)
    assert got(**terms) == fitting


def test_one_that_never_declares_labels_gets_only_jobs_that_require_none() -> None:
    make("gpu")
    assert (got(), is_anything_due(by=HOLDER), queue_size(by=HOLDER)) == ([], False, 0)

    plain = make()
    assert got() == [plain]


def test_labels_and_types_must_both_fit() -> None:
    fits = make("gpu", type="a")
    make("gpu", type="b")

    assert got(job_types=["a"], labels=[]) == []
    assert got(job_types=["a"], labels=["gpu"]) == [fits]


def test_what_a_claim_says_holds_for_this_claim_and_what_a_heartbeat_says_from_then_on() -> None:
    heartbeat(Pulse(labels=["gpu"]), by=HOLDER)
    heartbeat(Pulse(), by=HOLDER)
    jobs = [make("gpu"), make("gpu")]

    assert got(labels=[]) == []
    assert got(OTHER) == []
    assert got() == jobs
    heartbeat(Pulse(labels=[]), by=HOLDER)
    make("gpu")
    assert got() == []


def test_one_set_is_one_lane_however_it_is_said() -> None:
    jobs = [make("gpu", "region:eu"), make("region:eu", "gpu"), make("gpu", "region:eu", "gpu")]

    assert Lane.objects.filter(labels__len=2).count() == 1
    assert {tuple(job.labels or ()) for job in Job.objects.filter(id__in=jobs)} == {("gpu", "region:eu")}
    assert Job.objects.get(id=make()).labels is None


def test_lanes_are_made_in_one_order_whoever_asks() -> None:
    routes = [(f"type-{number % 7}", (f"customer:{number}",)) for number in range(500)]
    random.Random(3).shuffle(routes)  # noqa: S311 - no secret: repeatable
    open_lanes(routes)

    assert [*Lane.objects.order_by("id")] == [*Lane.objects.order_by("type", "labels")]


def test_a_list_may_require_something_else_for_each_job() -> None:
    jobs = enqueue([NewJob(type="a", labels=labels) for labels in SETS], by=PRODUCER)

    stored = Job.objects.in_bulk([job.id for job in jobs])
    for job, required in zip(jobs, SETS, strict=True):
        assert job.labels == stored[job.id].labels == (sorted(required) or None)
        assert Lane.objects.get(id=stored[job.id].lane_id).labels == sorted(required)


def test_a_job_keeps_what_it_requires_when_it_goes_back_to_the_queue_and_when_it_is_run_again() -> None:
    heartbeat(Pulse(labels=["gpu"]), by=HOLDER)
    failed = JobFactory(status="failed", labels=["gpu"])
    failed.retry(by=STAFF)
    assert got(OTHER) == []
    assert got() == [failed.id]

    completed = JobFactory(status="completed", labels=["gpu"])
    again = completed.run_again(by=PRODUCER)
    assert again.labels == ["gpu"]
    assert got(OTHER) == []
    assert got() == [again.id]


def test_jobs_are_found_by_what_they_require() -> None:
    gpu, both = make("gpu"), make("gpu", "region:eu")
    make()

    def found(words: str) -> set[str]:
        return {job.id for job in JobFilterSet({"label": words}, queryset=Job.objects.all()).chosen()}

    assert found("gpu") == {gpu, both}
    assert found("region:eu,disk=ssd") == {both}


def test_what_one_asks_for_is_noted_once_in_a_while_and_forgotten_when_it_asks_for_it_no_more(sql: Sql) -> None:
    for terms in ({"job_types": ["a"]}, {"job_types": ["b", "a"]}, {"job_types": ["a", "b"]}, {"labels": ["gpu"]}, {}):
        claim(by=HOLDER, batch_size=1, **terms)  # type: ignore[arg-type]
    assert _asked() == [(["a"], None), (["a", "b"], None), (None, ["gpu"]), (None, None)]

    sql("update subscriptions set asked_at = asked_at - interval '11 minutes'")
    # It is busy, and asks for nothing: that forgets nothing.
    heartbeat(Pulse(), by=HOLDER)
    assert len(_asked()) == 4
    claim(by=HOLDER, batch_size=1, job_types=["c"])
    assert _asked() == [(["c"], None)]


def test_who_asks_for_something_else_each_time_is_not_remembered_without_end() -> None:
    for number in range(120):
        claim(by=HOLDER, batch_size=1, job_types=[f"type-{number}"])

    assert Subscription.objects.count() == 100


def test_what_the_fleet_is_said_to_take_is_what_its_claims_get(sql: Sql) -> None:
    chance = random.Random(7)  # noqa: S311 - no secret: repeatable
    types = ("a", "b", "c")
    enqueue([NewJob(type=type_, labels=labels) for type_ in types for labels in SETS], by=PRODUCER)
    said: dict[str, list[tuple[Sequence[str] | None, Sequence[str] | None]]] = {}
    for number in range(60):
        name = f"orch-{number}"
        if chance.random() < 0.7:
            heartbeat(Pulse(job_types=_some(chance, types), labels=_some(chance, LABELS)), by=Holder.of(name))
        said[name] = [(_some(chance, types) or None, _some(chance, LABELS)) for _ in range(chance.randrange(3))]
        for types_, labels in said[name]:
            claim(by=Holder.of(name), batch_size=1, job_types=types_, labels=labels)
        if chance.random() < 0.2:
            pausing.drain(name, by=STAFF, reason="a test")
    takes = {name: set(lanes) for name, lanes in sql(
        "select t.orchestrator_id, array_agg(l.id) from takers t join lanes l on suits(l.type, l.labels, t.types, t.labels) group by 1"
    )}  # fmt: skip

    for name, asks in said.items():
        if not sql("select from orchestrators where id = %s", name):
            continue
        lanes: set[int] = set()
        for types_, labels in asks or [(None, None)]:
            ((found,),) = sql("select lanes_for(%s, %s::text[], %s::text[])", name, _list(types_), _list(labels))
            lanes |= set(found or [])
        assert takes.get(name, set()) == lanes, name
    assert sum(map(bool, takes.values())) > 20


@pytest.mark.parametrize("busy", [7, 350], ids=["few with jobs", "many with jobs"])
def test_of_very_many_lanes_those_with_jobs_are_found(busy: int) -> None:
    types = [f"type-{number}" for number in range(1300)]
    open_lanes((type_, ()) for type_ in types)
    other = make("gpu", type=types[0])
    jobs = [job.id for job in enqueue([NewJob(type=type_) for type_ in types[:busy]], by=PRODUCER)]

    with footprint() as seen:
        assert got() == jobs
    assert (seen.indexes["jobs_claim"].scans < 100) == (busy == 7)
    # (What was claimed so is undone.)
    assert (queue_size(), is_anything_due(), got()) == (busy, True, jobs)
    assert (queue_size(), is_anything_due()) == (0, False)
    assert got(labels=["gpu"]) == [other]


def _asked() -> list[tuple[list[str] | None, list[str] | None]]:
    return [*Subscription.objects.order_by("asked_at").values_list("types", "labels")]


def _some(chance: random.Random, words: Sequence[str]) -> list[str] | None:
    return chance.sample(words, chance.randrange(len(words) + 1)) if chance.random() < 0.8 else None


def _list(words: Sequence[str] | None) -> list[str] | None:
    return list(words) if words is not None else None
