"""How long each status lasted, as the page of a job tells it."""

from datetime import timedelta

import pytest

from jobs import timing
from jobs.admin.job_page import BAR_WIDTH, shares, timeline
from jobs.outcomes import Report
from tests.factories import HOLDER, JobFactory
from tests.ledger import entries

pytestmark = pytest.mark.django_db


def test_a_failure_that_is_retried_at_once_lasted_no_time() -> None:
    job = JobFactory(status="running", max_attempts=2)
    job.fail(Report(error="busy"), by=HOLDER)
    lasted = {(moment.entry.action, moment.entry.sequence): moment.lasted for moment in timeline(entries(job))}

    assert lasted["fail", 3] == timedelta(0)
    assert (lasted["retry", 4] or timedelta(0)) > timedelta(0)


def test_the_lengths_add_up_to_the_whole_life() -> None:
    job = JobFactory(status="completed")
    moments = timeline(entries(job))

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
