"""How jobs flowed: what the figures of minutes and hours come to in columns, levels and what is usual."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from jobs import flows
from jobs.flows import WINDOWS
from jobs.lifecycle import Status
from jobs.models import Job, Span, TransitionCount
from jobs.standing import standing
from tests.factories import JobFactory
from tests.lives import lived
from tests.rolled_up import fold_all

NOW = datetime(2026, 11, 24, 14, 3, 12, tzinfo=UTC)
_HOUR = timedelta(hours=1)


def _count(at: datetime, status: str, jobs: int, *, span: Span = Span.MINUTE, came_from: str = "running", job_type: str = "a") -> None:
    minute = at.replace(second=0, microsecond=0)
    begins_at = minute if span == Span.MINUTE else minute.replace(minute=0)
    TransitionCount.objects.create(
        span=span, begins_at=begins_at, type=job_type, from_status=came_from, to_status=status, category="", jobs=jobs
    )


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_ends_with_the_minute_or_hour_under_way(name: str) -> None:
    window = WINDOWS[name]

    assert NOW < window.since(NOW) + window.length <= NOW + window.unit


@pytest.mark.django_db
def test_what_went_where_is_told_by_columns_and_what_is_older_left_out() -> None:
    _count(NOW, "failed", 2)
    _count(NOW, "failed", 1, job_type="b")
    _count(NOW - timedelta(minutes=14), "completed", 5)
    _count(NOW - timedelta(minutes=15), "completed", 100)
    _count(NOW, "queued", 4, came_from="")

    told = flows.flows(WINDOWS["15m"], now=NOW)

    assert (told.into[Status.FAILED][-1], told.into[Status.COMPLETED][0], sum(told.into[Status.COMPLETED])) == (3, 5, 5)
    assert (told.made[-1], told.out_of[Status.RUNNING][-1]) == (4, 3)
    assert {name: dict(counts) for name, counts in told.by_type.items()} == {
        "a": {"failed": 2, "completed": 5, "queued": 4},
        "b": {"failed": 1},
    }


@pytest.mark.django_db
def test_a_week_is_told_by_hours_in_threes() -> None:
    _count(NOW, "completed", 7, span=Span.HOUR)
    _count(NOW - 167 * _HOUR, "completed", 1, span=Span.HOUR)
    _count(NOW - 168 * _HOUR, "completed", 50, span=Span.HOUR)

    completed = flows.flows(WINDOWS["7d"], now=NOW).into[Status.COMPLETED]

    assert (len(completed), completed[0], completed[-1], sum(completed)) == (56, 1, 7, 8)


@pytest.mark.usefixtures("live_db")
def test_the_levels_reckoned_back_end_where_the_jobs_stand_and_began_at_none() -> None:
    import random

    chance = random.Random(3)  # noqa: S311  not a secret
    for number in range(25):
        lived(chance, job_type=f"type-{number % 3}")
    fold_all()
    now = timezone.now()
    told, stands = flows.flows(WINDOWS["1h"], now=now), standing()

    for status, jobs in stands.jobs.items():
        assert jobs == Job.objects.filter(status=status).count()
        levels = told.levels(status, jobs)
        assert (levels[0], levels[-1]) == (0, jobs)
    assert sum(told.made) == Job.objects.count()


@pytest.mark.django_db
def test_what_is_usual_is_the_median_of_the_hours_before() -> None:
    for number, jobs in enumerate([4, 400, 6, 5, 7], start=2):
        _count(NOW - number * _HOUR, "failed", jobs, span=Span.HOUR)
    _count(NOW, "failed", 9)

    told = flows.failed(WINDOWS["1h"], now=NOW)

    assert (told.in_the_last_hour, told.usually_in_an_hour, told.usually) == (9, 6, 6)
    assert flows.failed(WINDOWS["15m"], now=NOW).usually == 1.5


@pytest.mark.django_db
def test_of_a_young_log_nobody_says_what_is_usual() -> None:
    assert flows.failed(WINDOWS["1h"], now=NOW) == flows.Failed(0, None, None)
    _count(NOW - 3 * _HOUR, "failed", 3, span=Span.HOUR)

    assert flows.failed(WINDOWS["1h"], now=NOW).usually_in_an_hour is None


@pytest.mark.django_db
def test_hours_without_a_failure_count_as_none() -> None:
    _count(NOW - 30 * _HOUR, "completed", 1, span=Span.HOUR)
    _count(NOW - 2 * _HOUR, "failed", 40, span=Span.HOUR)

    assert flows.failed(WINDOWS["1h"], now=NOW).usually_in_an_hour == 0


@pytest.mark.django_db
def test_the_oldest_that_waits_is_found_whatever_its_priority_and_type() -> None:
    jobs = [JobFactory(type=f"type-{number % 3}", priority=number * 10) for number in range(6)]
    Job.objects.filter(id=jobs[4].id).update(scheduled_for=NOW - _HOUR, created_at=NOW - _HOUR)

    assert standing().since[Status.QUEUED] == NOW - _HOUR
