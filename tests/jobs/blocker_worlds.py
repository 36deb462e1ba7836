"""Random sites, each with orchestrators, jobs and what keeps these from running, made by the ways that make them in life."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from jobs import claiming, job_types, leases, pausing
from jobs.actors import Holder
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.leases import Pulse
from jobs.lifecycle import Status
from jobs.models import Job, Orchestrator
from jobs.outcomes import Report
from jobs.pausing import Subject
from jobs.times import in_seconds
from tests.factories import PRODUCER, STAFF

TYPES = ("a", "b", "c")
WHY = "as chance has it"


@dataclass(frozen=True)
class Way:
    """How an orchestrator claims."""

    types: list[str] | None = None
    labels: list[str] | None = None

    def ask(self, name: str) -> list[Job]:
        """A claim of one job."""
        return claim(by=Holder.of(name), batch_size=1, job_types=self.types, labels=self.labels).jobs


@dataclass
class World:
    """
    Attributes:
        ways: of each orchestrator; of those that are heard of and not stopped after `stop`.
    """

    chance: random.Random
    ways: dict[str, list[Way]] = field(default_factory=dict)

    def some(self, share: float) -> bool:
        return self.chance.random() < share

    @classmethod
    def made(cls, seed: int) -> "World":
        world = cls(random.Random(seed))  # noqa: S311  no secret: repeatable
        for number in range(world.chance.choice((0, 1, 2, 3, 3))):
            world.meet(f"o-{number}")
        world.enqueue(world.chance.randrange(2, 8))
        world.limit()
        for _ in range(world.chance.randrange(6)):
            world.move()
        world.enqueue(world.chance.randrange(4))
        world.edit()
        world.stop()
        return world

    def meet(self, name: str) -> None:
        """An orchestrator says what it takes with heartbeats, with its claims, now for this and now for that, or with both."""
        self.ways[name] = [Way()]
        if self.some(0.7):
            leases.heartbeat(Pulse(job_types=self._types(), labels=self._labels()), by=Holder.of(name))
        if self.some(0.6):
            self.ways[name] = [Way(self._types(), self._labels()) for _ in range(self.chance.choice((1, 1, 2)))]
        for way in self.ways[name]:
            way.ask(name)

    def enqueue(self, count: int) -> None:
        now = in_seconds(0)
        asked = [
            NewJob(
                type=self.chance.choice(TYPES),
                priority=self.chance.choice((10, 50, 50, 90)),
                scheduled_for=now + timedelta(seconds=self.chance.choice((-30, -10, -10, 600, 0))),
                max_attempts=2,
                labels=self.chance.choice(([], [], [], [], ["eu"], ["eu", "gpu"])),
            )
            for _ in range(count)
        ]
        if asked:
            enqueue(asked, by=PRODUCER)

    def limit(self) -> None:
        for name in TYPES:
            if self.some(0.4):
                job_types.configure(name, by=STAFF, reason=WHY, concurrency_limit=self.chance.choice((1, 1, 2)))

    def move(self) -> None:
        """A job is claimed, and then held, failed with a retry to come, or given back."""
        if not self.ways:
            return
        name = self.chance.choice(list(self.ways))
        for job in self.chance.choice(self.ways[name]).ask(name):
            self.chance.choice((_hold, _hold, _fail, _fail, _release))(Job.objects.get(id=job.id), Holder.of(name))

    def edit(self) -> None:
        for job in Job.objects.filter(status=Status.QUEUED).order_by("id"):
            if self.some(0.1):
                job.edit(by=STAFF, priority=self.chance.choice((10, 50, 90)))
            if self.some(0.1):
                job.edit(by=STAFF, scheduled_for=in_seconds(self.chance.choice((-20, 300))))

    def stop(self) -> None:
        """Somebody pauses this and that; orchestrators fall silent, or are to."""
        if self.some(0.1):
            pausing.pause(by=STAFF, reason=WHY)
        for name in TYPES:
            if self.some(0.15):
                pausing.pause(by=STAFF, reason=WHY, subject=Subject.type(name))
        for name in list(self.ways):
            if self.some(0.15):
                Orchestrator.objects.filter(id=name).update(last_seen_at=Now() - timedelta(hours=1))
            elif self.some(0.15):
                self.chance.choice((pausing.drain, pausing.disable))(name, by=STAFF, reason=WHY)
            else:
                continue
            del self.ways[name]

    def within_reach(self) -> set[str]:
        """The jobs that a claim of one by some live orchestrator would return, as claims say that are not made."""
        return {job.id for name, ways in self.ways.items() for way in ways for job in _tried(name, way)}

    def _types(self) -> list[str] | None:
        return self.chance.choice((None, None, [self.chance.choice(TYPES)], self.chance.sample(TYPES, 2)))

    def _labels(self) -> list[str] | None:
        return self.chance.choice((None, [], ["eu"], ["eu", "gpu"], ["eu", "gpu"], ["gpu"]))


@contextmanager
def world(seed: int) -> Iterator[World]:
    """A site that is gone afterwards."""
    with transaction.atomic():
        claiming.contacts.forget()
        yield World.made(seed)
        transaction.set_rollback(True)
    claiming.contacts.forget()


def _tried(name: str, way: Way) -> list[Job]:
    with transaction.atomic():
        won = way.ask(name)
        transaction.set_rollback(True)
    return won


def _hold(job: Job, by: Holder) -> None:
    job.start(by=by)


def _fail(job: Job, by: Holder) -> None:
    job.start(by=by)
    job.fail(Report(error="it broke", retryable=True, retry_after_seconds=300), by=by)


def _release(job: Job, by: Holder) -> None:
    job.release(by=by)
