"""Where the time of one job went: every microsecond from its beginning to its end is told once."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from jobs import timing
from jobs.lifecycle import COMPOUND, TABLE, TARGETS, Status, Verb
from jobs.models import AuditEntry
from jobs.timing import Turn, Wait
from tests.factories import JobFactory
from tests.lives import lived

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def turn(minutes: float, action: str, source: str | None, target: str, *, attempt: int = 1, due: float | None = None) -> Turn:
    return Turn(
        at=after(minutes),
        attempt=attempt,
        action=action,
        from_status=source,
        to_status=target,
        due_at=None if due is None else after(due),
    )


RETRIED = [
    turn(0, "enqueue", None, "queued", due=0),
    turn(31, "claim", "queued", "claimed"),
    turn(31.1, "start", "claimed", "running"),
    turn(34, "fail", "running", "failed"),
    turn(34, "retry", "failed", "queued", attempt=2, due=39),
    turn(39, "claim", "queued", "claimed", attempt=2),
    turn(39, "start", "claimed", "running", attempt=2),
    turn(41, "complete", "running", "completed", attempt=2),
]


def told(turns: list[Turn], now: datetime = NOON) -> list[tuple[str, int, float]]:
    return [(stretch.state, stretch.attempt, stretch.microseconds / 60e6) for stretch in timing.timing(turns, now=now).stretches]


def test_each_state_is_told_with_its_attempt_and_what_took_no_time_is_not() -> None:
    assert told(RETRIED) == [
        ("queued", 1, 31),
        ("claimed", 1, 0.1),
        ("running", 1, 2.9),
        ("retry_wait", 2, 5),
        ("running", 2, 2),
    ]


def test_a_job_is_scheduled_until_its_time_and_queued_from_then_on() -> None:
    turns = [turn(0, "enqueue", None, "queued", due=10), turn(12, "claim", "queued", "claimed")]

    assert told(turns, after(15)) == [("scheduled", 1, 10), ("queued", 1, 2), ("claimed", 1, 3)]


def test_a_new_time_for_a_waiting_job_counts_from_when_it_was_set() -> None:
    turns = [
        turn(0, "enqueue", None, "queued", due=5),
        # Five minutes late, and put off once more; then it is taken sooner than that.
        turn(10, "edit", "queued", "queued", due=30),
        turn(20, "edit", "queued", "queued", due=21),
        turn(24, "claim", "queued", "claimed"),
    ]

    assert told(turns, after(24)) == [("scheduled", 1, 5), ("queued", 1, 5), ("scheduled", 1, 11), ("queued", 1, 3)]


def test_a_job_cancelled_before_its_time_still_has_it_when_it_is_retried() -> None:
    turns = [
        turn(0, "enqueue", None, "queued", due=60),
        turn(10, "cancel", "queued", "cancelled"),
        turn(30, "retry", "cancelled", "queued"),
    ]

    assert told(turns, after(70)) == [("scheduled", 1, 10), ("cancelled", 1, 20), ("scheduled", 1, 30), ("queued", 1, 10)]


def test_a_clock_that_is_put_back_makes_nothing_negative() -> None:
    turns = [
        turn(0, "enqueue", None, "queued", due=0),
        turn(10, "claim", "queued", "claimed"),
        turn(4, "start", "claimed", "running"),
        turn(16, "complete", "running", "completed"),
    ]

    assert told(turns) == [("queued", 1, 10), ("running", 1, 6)]


def test_it_is_told_in_one_line_whose_parts_add_up() -> None:
    assert str(timing.timing(RETRIED, now=NOON)) == (
        "41 m = queued 31:00 + claimed 0:06 + running 2:54 (attempt 1) + retry wait 5:00 + running 2:00 (attempt 2)"
    )


@pytest.mark.parametrize(
    ("seconds", "line"),
    [
        # Each would be rounded down, or up, by itself.
        ([1000.4, 2000.4, 3000.4], "1 h 40 m 1 s = queued 16:40 + claimed 33:21 + running 50:00"),
        ([1000.6, 2000.6, 3000.6], "1 h 40 m 2 s = queued 16:41 + claimed 33:20 + running 50:01"),
        ([0.0104, 0.0004, 1.2], "1.211 s = queued 0.010 s + claimed 0.001 s + running 1.200 s"),
        ([0, 86_400 * 3 + 3605, 60], "3 d 1 h 1 m 5 s = claimed 3 d 1:00:05 + running 1:00"),
        ([0, 0, 0], "0.000 s"),
    ],
)
def test_parts_are_rounded_so_that_they_add_up_to_the_whole(seconds: list[float], line: str) -> None:
    queued, held, running = seconds
    turns = [
        turn(0, "enqueue", None, "queued", due=0),
        turn(queued / 60, "claim", "queued", "claimed"),
        turn((queued + held) / 60, "start", "claimed", "running"),
        turn((queued + held + running) / 60, "complete", "running", "completed"),
    ]

    assert str(timing.timing(turns, now=NOON)) == line


def test_a_job_that_goes_on_is_told_until_now() -> None:
    assert str(timing.timing(RETRIED[:3], now=after(32))) == "32 m so far = queued 31:00 + claimed 0:06 + running 0:54"


def test_a_long_story_is_told_by_state() -> None:
    turns = [turn(0, "enqueue", None, "queued", due=0)]
    for number in range(20):
        turns.append(turn(2 * number + 1, "claim", "queued", "claimed"))
        turns.append(turn(2 * number + 2, "release", "claimed", "queued"))

    assert str(timing.timing(turns, now=after(45))) == "45 m so far = queued 25:00 (21 times) + claimed 20:00 (20 times)"


def test_ten_thousand_histories_add_up_exactly() -> None:
    chance = random.Random(5)  # noqa: S311  not a secret
    seen: Counter[str] = Counter()
    for _ in range(10_000):
        turns = list(_history(chance))
        now = turns[-1].at + timedelta(microseconds=chance.randrange(10**9))
        account = timing.timing(turns, now=now)
        ended = account.has_ended
        assert sum(stretch.microseconds for stretch in account.stretches) == account.microseconds
        assert account.until == max([turn.at for turn in turns] + ([] if ended else [now]))
        assert all(stretch.microseconds > 0 for stretch in account.stretches)
        spent: Counter[str] = Counter()
        for stretch in account.stretches:
            spent[stretch.state] += stretch.microseconds
        assert spent == _by_another_way(turns, account.until)
        seen.update(spent.keys())
    assert seen.keys() == {*Status, *Wait} - {Status.COMPLETED}
    assert min(seen.values()) > 500, seen


@pytest.mark.django_db
def test_what_the_verbs_write_adds_up_from_the_beginning_to_the_end() -> None:
    chance = random.Random(6)  # noqa: S311  not a secret
    states: Counter[str] = Counter()
    for number in range(200):
        job = lived(chance, job_type=f"type-{number}")
        account = timing.of(job.id, now=timezone.now())
        assert account.began_at == job.created_at
        assert account.has_ended == Status(job.status).is_terminal
        assert not account.has_ended or account.until == job.completed_at
        assert sum(stretch.microseconds for stretch in account.stretches) == (account.until - job.created_at) // MICROSECOND
        states.update({stretch.state for stretch in account.stretches})
    assert states.keys() == {*Status, *Wait} - {Status.COMPLETED}


@pytest.mark.django_db
def test_a_job_enqueued_for_later_says_so_in_its_first_entry() -> None:
    when = timezone.now() + timedelta(hours=1)
    job = JobFactory(scheduled_for=when)
    account = timing.of(job.id, now=when + timedelta(seconds=5))

    assert [(stretch.state, stretch.ended_at) for stretch in account.stretches] == [
        ("scheduled", when),
        ("queued", when + timedelta(seconds=5)),
    ]
    assert AuditEntry.objects.get(job_id=JobFactory().id).detail is None


@pytest.mark.django_db
def test_of_a_job_that_never_was_nothing_is_told() -> None:
    with pytest.raises(LookupError, match="job_never"):
        timing.of("job_never", now=NOON)


def _history(chance: random.Random) -> Iterator[Turn]:
    """A way through the lifecycle table, compound steps included, at times that now and then stand still or go back."""
    at, attempt = NOON, 1
    status: Status = Status.QUEUED
    yield Turn(at=at, attempt=1, action="enqueue", from_status=None, to_status=status, due_at=_due(chance, at))
    for _ in range(chance.randrange(12)):
        at += timedelta(microseconds=chance.choice([0, 1, chance.randrange(10**6), chance.randrange(10**10), -chance.randrange(10**7)]))
        if status is Status.QUEUED and chance.random() < 0.3:
            yield Turn(at=at, attempt=attempt, action="edit", from_status=status, to_status=status, due_at=_due(chance, at))
            continue
        ways: list[tuple[Verb, ...]] = [(rule.verb,) for rule in TABLE if status in rule.sources]
        ways += [_compound(source, target) for source, target in COMPOUND if source is status]
        if not ways:
            return
        for verb in chance.choice(ways):
            target = TARGETS[verb]
            waits = verb is Verb.RETRY and chance.random() < 0.7
            attempt += verb is Verb.RETRY
            yield Turn(
                at=at, attempt=attempt, action=verb, from_status=status, to_status=target, due_at=_due(chance, at) if waits else None
            )
            status = target


def _compound(source: Status, target: Status) -> tuple[Verb, ...]:
    return (Verb.START, Verb.COMPLETE) if target is Status.COMPLETED else (Verb.FAIL, Verb.RETRY)


def _due(chance: random.Random, at: datetime) -> datetime:
    return at + timedelta(microseconds=chance.choice([0, 0, chance.randrange(10**10), -chance.randrange(10**9)]))


def _by_another_way(turns: list[Turn], until: datetime) -> Counter[str]:
    """Cuts the whole at every moment at which anything could change, and asks of each piece which state the job was in."""
    moments: list[datetime] = []
    for each in turns:
        moments.append(max([each.at, *moments[-1:]]))
    cuts = sorted({until, *moments, *(each.due_at for each in turns if each.due_at and moments[0] < each.due_at < until)})
    spent: Counter[str] = Counter()
    for start, end in pairwise(cuts):
        before = [each for each, moment in zip(turns, moments, strict=True) if moment <= start]
        state = before[-1].to_status
        if state == Status.QUEUED:
            setter = [each for each in before if each.due_at][-1]
            assert setter.due_at
            if start < setter.due_at:
                state = Wait.RETRY if setter.action == "retry" else Wait.SCHEDULED
        spent[state] += (end - start) // MICROSECOND
    return spent
