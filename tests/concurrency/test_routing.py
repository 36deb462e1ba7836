"""Labels under load: claims that race get what they may have and nothing else, and a drained orchestrator's jobs are run by others."""

import os
import random
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import pytest

from jobs import fleet, pausing
from jobs.actors import Holder
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.lifecycle import LeaseLost
from jobs.models import AuditEntry, Job, Lane, Orchestrator
from tests.chaos.load import wait_until
from tests.chaos.processes import running
from tests.concurrency.crowd import in_threads
from tests.factories import PRODUCER, STAFF
from tests.ledger import assert_sound
from tests.postgres import API_KEY
from tests.server import Server

SETS: list[tuple[str, ...]] = [(), ("gpu",), ("region:eu",), ("gpu", "region:eu")]
TYPES = ("report", "render", "scan")
JOBS = 1200
CLAIMERS = 12
SCRIPTS = 40


def test_claims_that_race_get_what_they_may_have_each_once(live_db: str) -> None:
    chance = random.Random(5)  # noqa: S311 - no secret: repeatable
    required = {job.id: tuple(job.labels or ()) for job in _fill(chance)}
    drained = threading.Event()
    claimers = [partial(_claim_on, Holder.of(f"orch-{number}"), SETS[number % len(SETS)], drained) for number in range(CLAIMERS)]

    won = in_threads([*claimers, partial(_enough, drained)])[:-1]

    assert Counter(chain.from_iterable(won)) == Counter(required.keys())
    for number, got in enumerate(won):
        assert all({*required[job_id]} <= {*SETS[number % len(SETS)]} for job_id in got)
    assert sum(map(bool, won)) > CLAIMERS // 2, "too few got anything: that was no race"
    assert AuditEntry.objects.filter(action="claim").count() == JOBS


def test_producers_that_open_the_same_lanes_at_once_wait_for_each_other_and_no_longer(live_db: str) -> None:
    """A deadlock would be the error of one of them."""
    chance = random.Random(6)  # noqa: S311 - no secret: repeatable
    routes = [(type_, (f"customer:{number}",)) for type_ in TYPES for number in range(200)]
    lists = [[NewJob(type=type_, labels=labels) for type_, labels in chance.sample(routes, 400)] for _ in range(6)]

    made = in_threads([partial(enqueue, jobs, by=PRODUCER) for jobs in lists])

    lanes = {lane.id: (lane.type, tuple(lane.labels)) for lane in Lane.objects.all()}
    assert len(lanes) == len({*lanes.values()}) == len({(job.type, *job.labels) for jobs in lists for job in jobs})
    lane_of = dict(Job.objects.values_list("id", "lane_id"))
    assert all(lanes[lane_of[job.id]] == (job.type, tuple(job.labels or ())) for jobs in made for job in jobs)


def test_what_is_taken_back_while_it_is_started_is_either_started_or_anothers(live_db: str) -> None:
    ids = [job.id for job in enqueue([NewJob(type="report") for _ in range(200)], by=PRODUCER)]
    holder, other = Holder.of("orch-1"), Holder.of("orch-2")
    held = {job.id: job.epoch for job in claim(by=holder, batch_size=200).jobs}
    pausing.drain(holder.name, by=STAFF, reason="its disk is full")
    started: list[str] = []

    def start_all() -> None:
        for job in Job.objects.filter(id__in=held).order_by("id"):
            try:
                job.start(by=holder, epoch=held[job.id])
            except LeaseLost:
                continue
            started.append(job.id)

    def take_back() -> int:
        wait_until(lambda: len(started) > 20, seconds=10, what="some are started")
        return fleet.take_back(holder.name, by=STAFF, reason="its disk is full")

    in_threads([start_all, take_back])

    status = dict(Job.objects.values_list("id", "status"))
    assert {job_id for job_id in ids if status[job_id] == "running"} == {*started}
    assert {job.id for job in claim(by=other, batch_size=500).jobs} == {*ids} - {*started}
    assert 20 < len(started) < 200, "one of the two was over before the other began: that was no race"
    for job_id in ids:
        assert_sound(job_id)


@pytest.fixture
def environment(server: Server) -> Iterator[dict[str, str]]:
    """The orchestrators', with a temporary folder that the user whom their scripts run as can reach."""
    with tempfile.TemporaryDirectory(prefix="jobsite-routing-") as folder:
        Path(folder).chmod(0o711)
        yield {"PATH": os.environ["PATH"], "JOBSITE_URL": server.url, "INTERNAL_API_KEY": API_KEY, "TMPDIR": folder}


def test_a_drained_orchestrator_ends_what_it_runs_gets_nothing_new_and_others_run_the_rest(environment: dict[str, str]) -> None:
    script = {"script": {"type": "BASH", "content": "sleep 0.2; echo done"}}
    labels = ["gpu", "region:eu"]
    ids = [job.id for job in enqueue([NewJob(type="render", payload=script, labels=labels) for _ in range(SCRIPTS)], by=PRODUCER)]
    # It has claimed some, but has no worker for them; and a real process of the same labels works beside it.
    stuck = [job.id for job in claim(by=Holder.of("stuck-1"), batch_size=10, labels=labels).jobs]

    with running(*_orchestrator("plain-1"), environment=environment), running(*_orchestrator("gpu-1", labels), environment=environment):
        wait_until(lambda: _ended_by("gpu-1") >= 6, seconds=40, what="it is at work")
        pausing.drain("gpu-1", by=STAFF, reason="kernel upgrade")
        claimed_by_then = AuditEntry.objects.filter(action="claim", actor="gpu-1").count()
        wait_until(lambda: not Job.objects.held_by("gpu-1").exists(), seconds=20, what="it has ended what it held")
        assert AuditEntry.objects.filter(action="claim", actor="gpu-1").count() == claimed_by_then
        assert _ended_by("gpu-1") == claimed_by_then
        pausing.disable("stuck-1", by=STAFF, reason="it does nothing")
        assert fleet.take_back("stuck-1", by=STAFF, reason="it does nothing") == len(stuck)
        assert not Job.objects.filter(id__in=ids, status="completed").exclude(orchestrator_id="gpu-1").exists()
        with running(*_orchestrator("gpu-2", labels), environment=environment):
            wait_until(lambda: Job.objects.filter(status="completed").count() == SCRIPTS, seconds=60, what="the other ends the rest")

    assert not AuditEntry.objects.filter(actor="plain-1").exists()
    assert dict(Job.objects.values_list("id", "orchestrator_id")).keys() == {*ids}
    assert set(Job.objects.filter(id__in=stuck).values_list("orchestrator_id", "epoch")) == {("gpu-2", 2)}
    assert not Job.objects.exclude(id__in=stuck).filter(epoch__gt=1).exists()
    assert AuditEntry.objects.filter(action="start").count() == AuditEntry.objects.filter(action="complete").count() == SCRIPTS
    for job_id in ids:
        assert_sound(job_id)


def test_two_processes_under_one_name_are_told_and_one_that_is_started_again_is_not(environment: dict[str, str]) -> None:
    alone = [*_orchestrator("twin-1"), "--heartbeat-interval", "1"]
    places: set[str | None] = set()
    for _ in range(2):
        with running(*alone, environment=environment):
            wait_until(lambda: _place_of("twin-1") not in {None, *places}, seconds=20, what="its heartbeat has come")
            places.add(_place_of("twin-1"))
    assert not fleet.doubles().exists()

    # As if on another host: on one they would see each other.
    elsewhere = Path(environment["TMPDIR"], "elsewhere")
    elsewhere.mkdir(mode=0o711)
    with running(*alone, environment=environment), running(*alone, "--scratch", str(elsewhere), environment=environment):
        wait_until(lambda: fleet.doubles().exists(), seconds=20, what="it is told that there are two")
    (double,) = fleet.doubles()
    assert double.id == "twin-1"
    assert len({*(double.double_places or [])} - places) == 2


def _fill(chance: random.Random) -> list[Job]:
    new = [NewJob(type=chance.choice(TYPES), labels=chance.choice(SETS), priority=chance.choice((0, 50))) for _ in range(JOBS)]
    return [*enqueue(new[:1000], by=PRODUCER), *enqueue(new[1000:], by=PRODUCER)]


def _claim_on(by: Holder, labels: tuple[str, ...], drained: threading.Event) -> list[str]:
    got: list[str] = []
    while not drained.is_set():
        got += [job.id for job in claim(by=by, batch_size=2, labels=labels).jobs]
    return got


def _enough(drained: threading.Event) -> list[str]:
    try:
        wait_until(lambda: not Job.objects.filter(status="queued").exists(), seconds=60, what="all are claimed")
    finally:
        drained.set()
    return []


def _orchestrator(name: str, labels: list[str] | None = None) -> list[str]:
    declared = ["--labels", ",".join(labels)] if labels else []
    return ["-m", "orchestrator", "--id", name, "--wait", "1", "--max-jobs", "3", *declared]


def _ended_by(name: str) -> int:
    return Job.objects.filter(orchestrator_id=name, status="completed").count()


def _place_of(name: str) -> str | None:
    return Orchestrator.objects.filter(id=name).values_list("place", flat=True).first()
