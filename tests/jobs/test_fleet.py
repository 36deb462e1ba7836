"""Whose jobs nobody takes, which id is used twice, and what is taken back from an orchestrator."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from jobs import fleet, pausing
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.fleet import Taker
from jobs.leases import Pulse, heartbeat
from jobs.models import AuditEntry, Job, Orchestrator
from jobs.pausing import SITE, Subject
from tests.factories import HOLDER, OTHER, PRODUCER, STAFF, JobFactory
from tests.ledger import assert_sound, entries

pytestmark = pytest.mark.django_db
Sql = Callable[..., list[tuple[Any, ...]]]
WHY = "its host is gone"


@pytest.fixture
def ages(sql: Sql) -> Callable[[int], None]:
    """Lets so many minutes pass for all jobs and orchestrators."""

    def pass_(minutes: int) -> None:
        sql("update jobs set scheduled_for = scheduled_for - make_interval(mins => %s), "
            "created_at = created_at - make_interval(mins => %s)", minutes, minutes)  # fmt: skip
        sql("update orchestrators set last_seen_at = last_seen_at - make_interval(mins => %s)", minutes)

    return pass_


def make(*labels: str, type: str = "a", **fields: Any) -> Job:
    (job,) = enqueue([NewJob(type=type, labels=labels, **fields)], by=PRODUCER)
    return job


def forsaken() -> list[tuple[str, list[str], int]]:
    return [(lane.type, lane.labels, lane.jobs) for lane in fleet.unroutable()]


def test_jobs_that_nobody_has_taken_for_ten_minutes_are_unroutable(ages: Callable[[int], None]) -> None:
    make("gpu")
    make("gpu", priority=90)
    make(type="b")
    ages(9)
    assert forsaken() == []

    ages(2)
    make(type="c")
    assert sorted(forsaken()) == [("a", ["gpu"], 2), ("b", [], 1)]


@pytest.mark.parametrize(
    ("pulse", "terms", "takes"),
    [
        (Pulse(), None, False),
        (Pulse(labels=["gpu"]), None, True),
        (Pulse(labels=["gpu"], job_types=["b"]), None, False),
        (Pulse(labels=["gpu"], job_types=["a", "b"]), None, True),
        (None, {}, False),
        (None, {"labels": ["gpu", "fast"]}, True),
        (None, {"labels": ["gpu"], "job_types": ["b"]}, False),
        # What it claims with counts, not what its heartbeats say.
        (Pulse(labels=["gpu"]), {"labels": []}, False),
        (Pulse(job_types=["b"]), {"labels": ["gpu"], "job_types": ["a"]}, True),
    ],
)
def test_whoever_would_get_it_takes_it(ages: Callable[[int], None], pulse: Pulse | None, terms: dict[str, Any] | None, takes: bool) -> None:
    if pulse:
        heartbeat(pulse, by=HOLDER)
    if terms is not None:
        claim(by=HOLDER, batch_size=1, **terms)
    job = make("gpu")
    ages(11)
    # They are heard of again: alive, and busy.
    Orchestrator.objects.update(last_seen_at=timezone.now())

    assert forsaken() == ([] if takes else [("a", ["gpu"], 1)])
    assert (fleet.last_taker(job) is not None) == takes
    assert (len(claim(by=HOLDER, batch_size=1, **(terms or {})).jobs) == 1) == takes


def test_one_that_claims_in_turns_takes_what_it_asks_for_in_any_of_them(ages: Callable[[int], None]) -> None:
    for type_ in ("a", "b"):
        make(type=type_)
        claim(by=HOLDER, batch_size=1, job_types=[type_])
        make(type=type_)
    ages(11)
    Orchestrator.objects.update(last_seen_at=timezone.now())

    assert forsaken() == []


def test_who_has_not_been_heard_of_takes_nothing_and_is_named_as_the_last(ages: Callable[[int], None]) -> None:
    heartbeat(Pulse(), by=OTHER)
    ages(20)
    heartbeat(Pulse(), by=HOLDER)
    job = make()
    ages(11)

    (lane,) = fleet.unroutable()
    seen = Orchestrator.objects.get(id=HOLDER.name).last_seen_at
    assert lane.last_taker == fleet.last_taker(job) == Taker(orchestrator_id=HOLDER.name, last_seen_at=seen)
    assert lane.since == Job.objects.get(id=job.id).scheduled_for


@pytest.mark.parametrize("stop", [pausing.drain, pausing.disable])
def test_one_that_is_drained_or_disabled_takes_nothing(ages: Callable[[int], None], stop: Callable[..., None]) -> None:
    heartbeat(Pulse(), by=HOLDER)
    job = make()
    ages(11)
    Orchestrator.objects.update(last_seen_at=timezone.now())
    stop(HOLDER.name, by=STAFF, reason=WHY)

    assert forsaken() == [("a", [], 1)]
    assert fleet.last_taker(job) is None


@pytest.mark.parametrize("subject", [SITE, Subject.type("a")])
def test_what_is_paused_is_not_told_of(ages: Callable[[int], None], subject: Subject) -> None:
    make()
    ages(11)
    pausing.pause(by=STAFF, reason=WHY, subject=subject)

    assert forsaken() == []


def test_a_time_long_past_does_not_make_a_new_job_wait_long() -> None:
    make(scheduled_for=timezone.now() - timedelta(days=1))

    assert forsaken() == []


def beat(sql: Sql, *places: str, seconds: int = 10) -> None:
    """Heartbeats from these hosts, one after the other, with pauses between."""
    for place in places:
        sql("update orchestrators set last_heartbeat_at = last_heartbeat_at - make_interval(secs => %s), "
            "earlier_places = (select jsonb_object_agg(key, value::timestamptz - make_interval(secs => %s)) "
            "from jsonb_each_text(earlier_places))", seconds, seconds)  # fmt: skip
        heartbeat(Pulse(hostname=place or None), by=HOLDER)


def doubled() -> list[list[str] | None]:
    return [each.double_places for each in fleet.doubles()]


@pytest.mark.parametrize("places", ["aaaa", "aab", "aabbb", "abcd", ["a", "", "a", "", "a"]], ids=str)
def test_an_id_that_moves_to_another_host_is_used_by_one(sql: Sql, places: str) -> None:
    beat(sql, *places)

    assert doubled() == []


@pytest.mark.parametrize(("places", "two"), [("aba", ["b", "a"]), ("abcabc", ["b", "c"]), ("aabbab", ["a", "b"])])
def test_an_id_that_two_hosts_use_in_turns_is_told(sql: Sql, places: str, two: list[str]) -> None:
    beat(sql, *places)

    assert doubled() == [two]


def test_who_comes_back_after_more_than_a_lease_has_moved_back(sql: Sql) -> None:
    beat(sql, *"abbbbbbba", seconds=15)
    assert doubled() == []
    # What is further back than a lease is not kept.
    assert list(Orchestrator.objects.get().earlier_places or ()) == ["b"]


def test_two_processes_of_one_host_are_told_apart_where_they_say_so() -> None:
    for instance in ("p1", "p2", "p1"):
        heartbeat(Pulse(hostname="a", instance_id=instance), by=HOLDER)

    assert doubled() == [["a p2", "a p1"]]


def test_when_one_of_the_two_has_ended_it_is_over(sql: Sql) -> None:
    beat(sql, *"aba")
    (double,) = fleet.doubles()
    assert fleet.is_double(double)
    sql("update orchestrators set double_at = double_at - interval '3 minutes'")

    assert doubled() == []
    assert not fleet.is_double(Orchestrator.objects.get())


def test_what_is_claimed_and_not_started_is_taken_back_and_what_runs_is_left() -> None:
    runs, acknowledged, held = (JobFactory(status=status) for status in ("running", "claimed", "claimed"))
    acknowledged.acknowledge(by=HOLDER)
    of_another = JobFactory(status="claimed", holder=OTHER)
    pausing.drain(HOLDER.name, by=STAFF, reason=WHY)

    assert fleet.take_back(HOLDER.name, by=STAFF, reason=WHY) == 2
    assert {job.id: job.status for job in Job.objects.all()} == {
        runs.id: "running",
        acknowledged.id: "queued",
        held.id: "queued",
        of_another.id: "claimed",
    }
    released = entries(held)[-1]
    assert (released.action, released.actor, released.reason, held.attempts) == ("release", STAFF.name, WHY, 0)
    act = AuditEntry.objects.get(action="take_back")
    assert (act.subject_type, act.subject_id, act.actor, act.reason, act.detail) == (
        "orchestrator", HOLDER.name, STAFF.name, WHY, {"jobs": 2},
    )  # fmt: skip
    assert {job.id for job in claim(by=OTHER, batch_size=9).jobs} == {acknowledged.id, held.id}
    for job in (runs, acknowledged, held):
        assert_sound(job.id)


@pytest.mark.parametrize("status", ["running", "completed"])
def test_where_there_is_nothing_to_take_back_nothing_is_written(status: str) -> None:
    JobFactory(status=status)

    assert fleet.take_back(HOLDER.name, by=STAFF, reason=WHY) == 0
    assert not AuditEntry.objects.filter(action="take_back").exists()


def test_a_job_whose_cancel_is_pending_is_not_given_to_others() -> None:
    job = JobFactory(status="claimed")
    job.cancel(by=PRODUCER)

    assert fleet.take_back(HOLDER.name, by=STAFF, reason=WHY) == 1
    assert Job.objects.get(id=job.id).status == "cancelled"


def test_more_than_one_batch_is_taken_back() -> None:
    enqueue([NewJob(type="a") for _ in range(700)], by=PRODUCER)
    for _ in range(2):
        claim(by=HOLDER, batch_size=350)

    assert fleet.take_back(HOLDER.name, by=STAFF, reason=WHY) == 700
    assert [entry.detail for entry in AuditEntry.objects.filter(action="take_back").order_by("id")] == [{"jobs": 500}, {"jobs": 200}]


def test_operators_take_jobs_back_by_command(capsys: pytest.CaptureFixture[str]) -> None:
    JobFactory(status="claimed")
    call_command("pause_claims", orchestrator=HOLDER.name, take_back=True, reason=WHY)

    assert capsys.readouterr().out.splitlines()[-1] == "Taken back: 1 claimed and not started."
    pause = pausing.pause_of(HOLDER.name)
    assert pause is not None
    assert pause.mode == "drained"
    with pytest.raises(CommandError, match="--take-back goes with --orchestrator"):
        call_command("pause_claims", take_back=True, reason=WHY)
