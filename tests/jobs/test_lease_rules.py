"""How long a lease is: a table of what was said of a job, in order, and from which of it its lease then counts."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import F
from django.test import override_settings

from jobs import leases, progress, times
from jobs.actors import Actor, Holder
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.leases import Pulse
from jobs.lifecycle import HOLD, LeaseExpired, Status
from jobs.models import AuditEntry, Job
from jobs.outcomes import Report
from jobs.progress import Note
from jobs.sweeps import sweep
from jobs.transitions import Ruling, Step
from tests.factories import HOLDER, PRODUCER, JobFactory, claimed
from tests.ledger import actions, assert_sound

pytestmark = pytest.mark.django_db
HOUR = 3600
# What was said, in order; how long the lease then is in seconds, counted from the word with the star.
RULES = [
    ("claim*", 60),
    ("claim, acknowledge*", 300),
    ("claim, acknowledge*, wait 100, acknowledge", 300),
    ("claim, start*", HOUR + 120),
    ("claim, acknowledge, wait 100, start*", HOUR + 120),
    ("claim, start*, wait 100, start", HOUR + 120),
    ("claim, start*, wait 100, acknowledge", HOUR + 120),
    # From the first heartbeat or renewal on heartbeats keep it, also when that is earlier.
    ("claim, heartbeat*", 90),
    ("claim, acknowledge, heartbeat*", 90),
    ("claim, start, heartbeat*", 90),
    ("claim, start, heartbeat, wait 60, heartbeat*", 90),
    ("claim, heartbeat, wait 60, start*", 90),
    ("claim, heartbeat, start, wait 60, heartbeat*", 90),
    ("claim, heartbeat, wait 60, acknowledge*", 300),
    ("claim, heartbeat, acknowledge, heartbeat*", 90),
    ("claim, start, renew*", 90),
    ("claim, start, renew 30*", 30),
    ("claim, start, heartbeat, renew 600*", 600),
    ("claim, start, renew 600, heartbeat*", 90),
    ("claim, renew 3600*, acknowledge", HOUR),
    ("claim, renew 3600*, start", HOUR),
    ("claim, renew 10, start*", 90),
    # What is no word of life moves it neither way.
    ("claim*, prepare", 60),
    ("claim, start*, wait 100, progress", HOUR + 120),
    ("claim, start, heartbeat*, wait 60, progress", 90),
    ("claim*, cancel", 60),
    ("claim, acknowledge*, wait 100, cancel", 300),
    ("claim, start, heartbeat*, wait 60, cancel", 90),
    ("claim, start, heartbeat, cancel, wait 60, heartbeat*", 90),
]
# The same of a job with a timeout of a minute: nothing lifts its lease past that and the grace.
CAPPED = [
    ("claim, start*", 60 + 120),
    ("claim, start, wait 80, heartbeat*", 90),
    ("claim, start*, wait 100, heartbeat", 60 + 120),
    ("claim, start*, renew 3600", 60 + 120),
    ("claim, start*, wait 100, heartbeat, wait 60, renew 600", 60 + 120),
    ("claim, renew 3600, start*", 60 + 120),
    ("claim, start*, wait 100, heartbeat, start", 60 + 120),
]


class Life:
    """One job of HOLDER, the words said of it, and between which two moments each was said."""

    def __init__(self, **fields: int) -> None:
        self.job = JobFactory(**fields)
        self.said: list[tuple[datetime, datetime]] = []

    def say(self, word: str) -> None:
        name, _, number = word.partition(" ")
        began = times.now()
        WORDS[name](self, int(number) if number else None)
        self.said.append((began, times.now()))
        self.job.refresh_from_db()

    def wait(self, seconds: int | None) -> None:
        """Lets time pass: everything that was is further in the past then."""
        span = timedelta(seconds=seconds or 0)
        names = ("claimed_at", "acknowledged_at", "started_at", "lease_expires_at", "progress_at", "cancel_requested_at")
        Job.objects.filter(id=self.job.id).update(**{name: F(name) - span for name in names})
        self.said = [(began - span, ended - span) for began, ended in self.said]

    def note(self, note: Note) -> Ruling:
        (ruling,) = progress.report([(Step(job_id=self.job.id, action=HOLD, epoch=1), note)], by=HOLDER)
        return ruling

    @property
    def named(self) -> dict[str, object]:
        return {"job_id": self.job.id, "epoch": 1}


WORDS: dict[str, Callable[[Life, int | None], object]] = {
    "claim": lambda life, _: claimed(life.job),
    "acknowledge": lambda life, _: life.job.acknowledge(by=HOLDER, epoch=1),
    "start": lambda life, _: life.job.start(by=HOLDER, epoch=1),
    "heartbeat": lambda life, _: leases.heartbeat(Pulse(named=[life.named]), by=HOLDER),
    "renew": lambda life, seconds: leases.renew(life.job.id, by=HOLDER, epoch=1, seconds=seconds),
    "prepare": lambda life, _: life.note(Note(phase="preparing")),
    "progress": lambda life, _: life.note(Note(progress={"percentage": 5})),
    "cancel": lambda life, _: life.job.cancel(by=PRODUCER),
    "wait": Life.wait,
}


def lease_after(story: str, **fields: int) -> tuple[timedelta, timedelta]:
    """How long the lease is after a story, from the word with the star: at least and at most, as that took a moment to say."""
    life = Life(**fields)
    words = story.split(", ")
    for word in words:
        life.say(word.rstrip("*"))
    began, ended = life.said[next(place for place, word in enumerate(words) if word.endswith("*"))]
    assert life.job.lease_expires_at is not None
    return life.job.lease_expires_at - ended, life.job.lease_expires_at - began


@pytest.mark.parametrize(("story", "seconds", "timeout"), [(*rule, HOUR) for rule in RULES] + [(*rule, 60) for rule in CAPPED])
def test_a_lease_is_as_long_as_the_rules_say(story: str, seconds: int, timeout: int) -> None:
    least, most = lease_after(story, timeout_seconds=timeout)

    assert least <= timedelta(seconds=seconds) <= most


@pytest.mark.parametrize(
    ("story", "seconds"),
    [("claim*", 7), ("claim, acknowledge*", 11), ("claim, heartbeat*", 13), ("claim, start, renew*", 13), ("claim, start*", HOUR + 17)],
)
@override_settings(CLAIM_LEASE_SECONDS=7, ACKNOWLEDGED_LEASE_SECONDS=11, HEARTBEAT_LEASE_SECONDS=13, TIMEOUT_GRACE_SECONDS=17)
def test_an_operator_can_change_every_length(story: str, seconds: int) -> None:
    least, most = lease_after(story)

    assert least <= timedelta(seconds=seconds) <= most


@pytest.mark.parametrize("before", ["claim", "claim, acknowledge", "claim, start", "claim, start, heartbeat"])
def test_a_lease_that_has_run_out_is_refused_before_any_sweep_has_seen_it(before: str, holder: Holder) -> None:
    life = Life()
    for word in [*before.split(", "), f"wait {HOUR + 121}"]:
        life.say(word)
    job = life.job
    was = Job.objects.filter(id=job.id).values_list().get()

    # (Verdicts leave a late report, and with it an entry: they come last.)
    for speak in (job.acknowledge, job.start, job.release):
        with pytest.raises(LeaseExpired):
            speak(by=holder, epoch=1)
    assert leases.heartbeat(Pulse(named=[life.named]), by=holder).abandon == [job.id]
    assert leases.renew(job.id, by=holder, epoch=1) is None
    assert life.note(Note(phase="on")).verdict == "lease_expired"
    assert Job.objects.filter(id=job.id).values_list().get() == was
    for report in (Report(exit_code=0), Report(error="x")):
        with pytest.raises(LeaseExpired):
            job.complete(report, by=holder, epoch=1)
    assert Job.objects.get(id=job.id).status in (Status.CLAIMED, Status.RUNNING)


def test_signs_of_life_write_no_entry_and_are_no_news() -> None:
    life = Life()
    for word in ("claim", "start"):
        life.say(word)
    before = (actions(life.job), life.job.updated_at, AuditEntry.objects.count())
    for word in ("heartbeat", "renew 600", "prepare", "progress"):
        life.say(word)

    assert (actions(life.job), life.job.updated_at, AuditEntry.objects.count()) == before


@pytest.mark.parametrize(
    ("story", "rule", "status", "category"),
    [
        ("claim, wait 61", "unacknowledged", "queued", None),
        ("claim, acknowledge, wait 301", "lease_lost", "queued", None),
        ("claim, heartbeat, wait 91", "unacknowledged", "queued", None),
        ("claim, start, heartbeat, wait 91", "lease_lost", "failed", "lease_lost"),
        ("claim, start, renew 30, wait 31", "lease_lost", "failed", "lease_lost"),
        ("claim, start, wait 181", "timeout", "failed", "timeout"),
        ("claim, start, wait 80, heartbeat, wait 80, heartbeat, wait 21", "timeout", "failed", "timeout"),
        ("claim, start, cancel, wait 61", "cancel_overdue", "cancelled", None),
        ("claim, acknowledge, cancel, wait 61", "cancel_overdue", "cancelled", None),
        ("claim, start, renew 30, cancel, wait 31", "cancel_overdue", "cancelled", None),
        ("claim, start, wait 179", None, "running", None),
        ("claim, start, heartbeat, wait 89", None, "running", None),
        ("claim, acknowledge, cancel, wait 59", None, "claimed", None),
    ],
)
def test_what_a_sweep_makes_of_it_when_its_time_has_come(story: str, rule: str | None, status: str, category: str | None) -> None:
    life = Life(timeout_seconds=60)
    for word in story.split(", "):
        life.say(word)
    swept = sweep(by=Actor.sweep()).swept

    assert [(one.job_id, one.rule) for one in swept] == ([(life.job.id, rule)] if rule else [])
    life.job.refresh_from_db()
    assert (life.job.status, life.job.error_category) == (status, category)
    assert_sound(life.job.id)


def test_a_heartbeat_that_names_five_hundred_jobs_is_one_statement(holder: Holder, tmp_path: Path) -> None:
    enqueue([NewJob(type="work") for _ in range(500)], by=PRODUCER)
    jobs = claim(by=holder, batch_size=500).jobs
    named = [{"job_id": job.id, "epoch": 1} for job in jobs]

    asked = {}
    for count in (1, 500):
        with _wire_log(tmp_path / f"{count}.log") as executed:
            answer = leases.heartbeat(Pulse(named=named[:count]), by=holder)
        assert len(answer.leases) == count
        asked[count] = executed()
    assert asked == {1: 1, 500: 1}


@contextmanager
def _wire_log(path: Path) -> Iterator[Callable[[], int]]:
    """Writes down what libpq sends meanwhile; gives a function that counts the statements that were executed."""
    pgconn = connection.connection.pgconn
    with path.open("wb") as log:
        pgconn.trace(log.fileno())
        try:
            yield lambda: len(re.findall(r"\tF\t\d+\t(?:Execute|Query)\t", path.read_text()))
        finally:
            pgconn.untrace()
