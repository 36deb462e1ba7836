"""GET /jobs/{id}/timing: where the time of a job went, for whoever may read its story."""

from datetime import datetime, timedelta

import pytest
from rest_framework.test import APIClient

from jobs.models import Job
from jobs.outcomes import Report
from orchestration_api import representations
from tests.factories import HOLDER, JobFactory, claimed
from tests.orchestration_api.wire import assert_error, send


def test_the_stretches_follow_each_other_and_add_up(api: APIClient) -> None:
    job = JobFactory(status="running", max_attempts=2)
    job.fail(Report(error="busy", retry_after_seconds=0), by=HOLDER)
    claimed(job).start(by=HOLDER)
    job.complete(by=HOLDER)
    told = send(api, "get", f"/jobs/{job.id}/timing").json()

    stretches = told["stretches"]
    assert [(each["state"], each["attempt"]) for each in stretches] == [
        *[("queued", 1), ("claimed", 1), ("running", 1)],
        *[("queued", 2), ("claimed", 2), ("running", 2)],
    ]
    assert (told["jobId"], told["ended"], told["earlierMicroseconds"]) == (job.id, True, 0)
    assert sum(each["microseconds"] for each in stretches) == told["microseconds"]
    assert [told["beganAt"], *(each["endedAt"] for each in stretches)] == [*(each["beganAt"] for each in stretches), told["until"]]
    whole = send(api, "get", f"/jobs/{job.id}").json()
    assert (told["beganAt"], told["until"]) == (whole["createdAt"], whole["completedAt"])
    for each in stretches:
        assert _moment(each["endedAt"]) - _moment(each["beganAt"]) == timedelta(microseconds=each["microseconds"])
    assert told["text"].endswith("(attempt 2)")


def test_it_is_told_of_a_job_that_goes_on_and_of_one_that_is_gone(api: APIClient) -> None:
    job = JobFactory()
    told = send(api, "get", f"/jobs/{job.id}/timing").json()
    assert (told["ended"], told["stretches"][-1]["state"]) == (False, "queued")

    ended = JobFactory(status="completed")
    before = send(api, "get", f"/jobs/{ended.id}/timing").json()
    Job.objects.filter(id=ended.id).delete()
    assert send(api, "get", f"/jobs/{ended.id}/timing").json() == before


def test_of_more_stretches_than_an_answer_holds_the_earlier_ones_are_told_together(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(representations, "MOST_STRETCHES", 1)
    job = JobFactory(status="completed")
    told = send(api, "get", f"/jobs/{job.id}/timing").json()

    (last,) = told["stretches"]
    assert last["state"] == "running"
    assert told["earlierMicroseconds"] > 0
    assert told["earlierMicroseconds"] + last["microseconds"] == told["microseconds"]


def test_of_a_job_that_never_was_nothing_is_told(api: APIClient) -> None:
    assert_error(send(api, "get", "/jobs/job_never/timing"), 404, "JOB_NOT_FOUND")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
