"""When a job may run, before which others, how long and how often: what its producer says, and what holds if nothing is said."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.models import Job
from tests.orchestration_api.wire import assert_error, send

PLAIN = {"type": "t", "payload": None}


def make(api: APIClient, **fields: Any) -> dict[str, Any]:
    answer = send(api, "post", "/jobs", PLAIN | fields)
    assert answer.status_code == 201, answer.content
    job: dict[str, Any] = answer.json()["job"]
    return job


def claimed(api: APIClient, batch: int = 500) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = send(api, "post", "/jobs/claim", {"batchSize": batch}).json()["jobs"]
    return jobs


def test_what_is_not_said_has_its_documented_default(api: APIClient) -> None:
    job = make(api)

    told = {
        name: job[name] for name in ("priority", "maxAttempts", "timeoutSeconds", "metadata", "attempts", "epoch", "status", "uniqueKey")
    }
    assert told == {
        "priority": 50, "maxAttempts": 1, "timeoutSeconds": 3600, "metadata": {}, "attempts": 0, "epoch": 0, "status": "queued",
        "uniqueKey": None,
    }  # fmt: skip
    assert job["scheduledFor"] == job["createdAt"] == job["updatedAt"]
    assert (
        make(api, priority=None, maxAttempts=None, timeoutSeconds=None, metadata=None, uniqueKey=None, scheduledFor=None)["priority"] == 50
    )


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("priority", [0, 100], [-1, 101, 50.0, "50", True, []]),
        ("maxAttempts", [1, 1000], [0, -1, 1001, 1.5, "1", False]),
        ("timeoutSeconds", [1, 31_536_000], [0, -1, 31_536_001, 0.5, "60", 2**63 - 1]),
        ("type", ["x", "x" * 100, "A.b_c:d-9"], ["", "x" * 101, "a b", "ä", "a/b", 1]),
        ("metadata", [{}, {"a": None}], [[], "x", 1, True]),
        ("scheduledFor", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456789+05:30"], ["2026-01-01", "2026-01-01T00:00:00", "now", 1]),
    ],
)
def test_every_field_has_its_limits(name: str, good: list[Any], bad: list[Any], api: APIClient) -> None:
    for value in good:
        make(api, **{name: value})
    made = Job.objects.count()
    for value in bad:
        details = assert_error(send(api, "post", "/jobs", PLAIN | {name: value}), 400, "VALIDATION_INVALID_PARAMS")
        assert list(details["fields"]) == [name]
    assert Job.objects.count() == made


def test_jobs_are_handed_out_by_priority_then_time_then_id(api: APIClient) -> None:
    early, late = "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+00:30"
    asked = [(10, early), (90, late), (90, early), (50, late), (90, early), (0, early), (100, late)]
    made = send(api, "post", "/jobs", [PLAIN | {"priority": rank, "scheduledFor": time} for rank, time in asked]).json()["jobs"]

    assert [job["id"] for job in claimed(api, 3) + claimed(api)] == [made[place]["id"] for place in (6, 2, 4, 1, 3, 0, 5)]


def test_a_job_is_not_handed_out_before_its_time(api: APIClient) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    job = make(api, scheduledFor=tomorrow, priority=100)
    assert claimed(api) == []

    told = send(api, "patch", f"/jobs/{job['id']}", {"scheduledFor": "2026-01-01T00:00:00Z"}).json()["job"]
    assert told["scheduledFor"] == "2026-01-01T00:00:00.000000Z"
    assert [each["id"] for each in claimed(api)] == [job["id"]]


def test_a_run_may_take_as_long_as_its_job_says_and_no_longer(api: APIClient) -> None:
    job = make(api, timeoutSeconds=60)
    claimed(api)
    told = send(api, "put", f"/jobs/{job['id']}/status", {"status": "running"}).json()["job"]

    started, until = (datetime.fromisoformat(told[name]) for name in ("startedAt", "leaseExpiresAt"))
    assert until - started == timedelta(seconds=60 + 120)


def test_a_job_fails_as_often_as_it_may(api: APIClient) -> None:
    job = make(api, maxAttempts=3)
    for attempt in (1, 2, 3):
        claimed(api)
        answer = send(api, "post", f"/jobs/{job['id']}/fail", {"error": "busy", "retryAfterSeconds": 0}).json()
        assert (answer["job"]["attempts"], answer["nextAction"]) == (attempt, "continue" if attempt == 3 else "retry")

    assert send(api, "get", f"/jobs/{job['id']}").json()["status"] == "failed"
    assert claimed(api) == []
