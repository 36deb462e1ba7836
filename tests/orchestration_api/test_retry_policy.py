"""A job's own words on how it is tried again: read strictly, told as they were sent, and heeded."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs import job_types
from jobs.models import Job
from tests.factories import STAFF, running
from tests.orchestration_api.wire import assert_error, send

POLICY = {"backoffBaseSeconds": 60, "backoffCapSeconds": 90, "retryableCategories": ["network", "timeout"]}


def make(api: APIClient, **fields: Any) -> Any:
    return send(api, "post", "/jobs", {"type": "t", "payload": None, **fields})


def test_it_is_told_as_it_was_sent_wherever_the_job_is(api: APIClient) -> None:
    made = make(api, retryPolicy=POLICY, maxAttempts=3).json()["job"]
    assert made["retryPolicy"] == POLICY

    (claimed,) = send(api, "post", "/jobs/claim", {}).json()["jobs"]
    (listed,) = send(api, "get", "/jobs").json()["results"]
    told = [claimed, listed, send(api, "get", f"/jobs/{made['id']}").json()]
    assert [job["retryPolicy"] for job in told] == [POLICY] * 3


@pytest.mark.parametrize("sent", [None, {}, {"backoffBaseSeconds": None}])
def test_one_that_says_nothing_is_none(api: APIClient, sent: Any) -> None:
    assert make(api, retryPolicy=sent).json()["job"]["retryPolicy"] is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ("often", "body"),
        ({"backoffBaseSeconds": -1}, "backoffBaseSeconds"),
        ({"backoffBaseSeconds": 86_401}, "backoffBaseSeconds"),
        ({"backoffCapSeconds": "60"}, "backoffCapSeconds"),
        ({"backoffCapSeconds": 1.5}, "backoffCapSeconds"),
        ({"retryableCategories": "network"}, "retryableCategories"),
        ({"retryableCategories": ["luck"]}, "retryableCategories"),
        ({"retryableCategories": ["network", 7]}, "retryableCategories.1"),
        ({"maxAttempts": 3}, "maxAttempts"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name_and_nothing_is_made(api: APIClient, wrong: Any, field: str) -> None:
    details = assert_error(make(api, retryPolicy=wrong), 400, "VALIDATION_INVALID_PARAMS")

    assert details["fields"].keys() == {f"retryPolicy.{field}"}
    assert not Job.objects.exists()


@pytest.mark.parametrize(("category", "becomes"), [("network", "retry"), ("exception", "continue")])
def test_a_reported_failure_is_judged_by_it(api: APIClient, category: str, becomes: str) -> None:
    job = Job.objects.get(id=make(api, retryPolicy=POLICY, maxAttempts=2).json()["job"]["id"])
    running(job)
    answer = send(api, "post", f"/jobs/{job.id}/fail", {"error": "no route", "category": category}).json()

    assert answer["nextAction"] == becomes
    job.refresh_from_db()
    assert becomes == "continue" or timedelta(seconds=30) <= job.scheduled_for - job.updated_at <= timedelta(seconds=60)


def test_attempts_and_time_that_are_not_sent_are_those_of_the_type(api: APIClient) -> None:
    unsaid = make(api).json()["job"]
    job_types.configure("t", by=STAFF, reason="x", max_attempts=4, timeout_seconds=90)
    told, null, own = (make(api, **sent).json()["job"] for sent in ({}, {"maxAttempts": None}, {"maxAttempts": 1, "timeoutSeconds": 5}))

    assert (unsaid["maxAttempts"], unsaid["timeoutSeconds"]) == (1, 3600)
    for job in (told, null):
        assert (job["maxAttempts"], job["timeoutSeconds"]) == (4, 90)
    assert (own["maxAttempts"], own["timeoutSeconds"]) == (1, 5)
