"""How long each status lasted, as the page of a job tells it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import timing
from jobs.outcomes import Report
from jobs.views.story import BAR_WIDTH, as_of, entries_of, parts, shares, story
from tests.factories import HOLDER, JobFactory

pytestmark = pytest.mark.django_db


def test_a_failure_that_is_retried_at_once_lasted_no_time() -> None:
    job = JobFactory(status="running", max_attempts=2)
    job.fail(Report(error="busy"), by=HOLDER)
    *_, failed, retried = story(job.id, entries_of(job.id)).moments

    assert (failed.entry.action, failed.lasted) == ("fail", timedelta(0))
    assert (retried.entry.action, retried.lasted, retried.goes_on) == ("retry", None, True)


def test_the_lengths_add_up_to_the_whole_life() -> None:
    job = JobFactory(status="completed")
    moments = story(job.id, entries_of(job.id)).moments

    assert sum((moment.lasted for moment in moments if moment.lasted), timedelta(0)) == moments[-1].entry.at - moments[0].entry.at
    assert moments[-1].lasted is None


def test_the_bar_is_filled_by_the_stretches_to_its_end() -> None:
    job = JobFactory(status="running", max_attempts=2)
    job.fail(Report(error="busy"), by=HOLDER)
    account = timing.of(job.id, now=job.updated_at + timedelta(seconds=60))
    bar = shares(account)

    assert [(share.state, share.is_wait) for share in bar] == [
        *[("queued", False), ("claimed", False), ("running", False)],
        *[("queued", True), ("queued", False)],
    ]
    assert [share.begins for share in bar] == [0, *(share.begins + share.width for share in bar[:-1])]
    assert bar[-1].begins + bar[-1].width == BAR_WIDTH
    assert bar[-1].width > bar[-2].width > bar[0].width


def test_the_parts_add_up_to_all_of_the_time() -> None:
    job = JobFactory(status="running", max_attempts=3)
    job.fail(Report(error="busy", retry_after_seconds=0), by=HOLDER)
    account = timing.of(job.id, now=job.updated_at + timedelta(milliseconds=7))
    told = parts(account)

    assert sum(part.percent for part in told) == 100
    assert sum((part.span for part in told), timedelta(0)) == account.until - account.began_at


def test_the_rows_of_a_life_lie_in_the_bar_one_behind_the_other() -> None:
    job = JobFactory(status="completed")
    found = [moment.share for moment in story(job.id, entries_of(job.id)).moments if moment.share]

    assert [share.state for share in found] == ["queued", "claimed", "running"]
    assert [share.begins for share in found] == [0, *(share.begins + share.width for share in found[:-1])]
    assert found[-1].begins + found[-1].width == BAR_WIDTH


@pytest.mark.parametrize(("seconds", "told"), [(0.5, 0.5), (31, 31), (100.9, 100), (103, 102), (3700, 3648), (3711, 3648), (3712, 3712)])
def test_the_account_of_a_job_that_goes_on_changes_seldom(seconds: float, told: float) -> None:
    began = timezone.now()

    assert as_of(began, began + timedelta(seconds=seconds)) == began + timedelta(seconds=told)
