"""Claiming over HTTP."""

import time
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from jobs import times
from jobs.models import Job
from tests.factories import JobFactory
from tests.orchestration_api.wire import assert_error, is_time, send

JOB_KEYS = {
    "id", "type", "status", "priority", "payload", "metadata", "result", "lastError", "errorCategory", "exitCode", "attempts",
    "maxAttempts", "epoch", "phase", "progress", "partial", "createdBy", "orchestratorId", "timeoutSeconds", "scheduledFor",
    "createdAt", "updatedAt", "claimedAt", "acknowledgedAt", "startedAt", "completedAt", "leaseExpiresAt", "cancelRequestedAt",
    "retriedFrom", "uniqueKey", "labels", "retryPolicy", "fingerprint", "quarantinedAt", "cancelSeenAt",
}  # fmt: skip


def test_a_claim_by_get_answers_with_jobs_their_leases_and_when_to_come_again(api: APIClient) -> None:
    job = JobFactory(payload={"rows": 3})
    answer = send(api, "get", "/jobs/queue?batchSize=1").json()

    (told,) = answer["jobs"]
    assert set(told) == JOB_KEYS | {"lease"}
    assert (told["id"], told["status"], told["payload"], told["epoch"], told["orchestratorId"]) == (
        job.id,
        "claimed",
        {"rows": 3},
        1,
        "orch-1",
    )
    assert told["lease"]["token"].startswith("1.")
    assert told["lease"]["expiresAt"] == told["leaseExpiresAt"]
    assert told["lease"]["heartbeatSeconds"] == 30
    assert answer["count"] == 1
    assert is_time(answer["metadata"]["nextPollAfter"])
    assert answer["metadata"]["queueSize"] == 0


def test_who_gets_a_job_that_goes_alone_comes_again_at_once(api: APIClient) -> None:
    for job in (JobFactory(type="report"), JobFactory(type="report")):
        Job.objects.filter(id=job.id).update(claim_losses=2)
    answers = [send(api, "post", "/jobs/claim", {"batchSize": 10}).json() for _ in range(2)]

    assert [answer["count"] for answer in answers] == [1, 1]
    pauses = [times.read(answer["metadata"]["nextPollAfter"]) - times.read(answer["metadata"]["timestamp"]) for answer in answers]
    assert [pause.total_seconds() > 0.5 for pause in pauses] == [False, True]


def test_a_claim_by_post_takes_the_same_in_its_body(api: APIClient) -> None:
    wanted = JobFactory(type="report")
    JobFactory(type="other")
    answer = send(api, "post", "/jobs/claim", {"batchSize": 10, "jobTypes": ["report"], "claimId": "c-1"}).json()
    again = send(api, "post", "/jobs/claim", {"batchSize": 10, "jobTypes": ["report"], "claimId": "c-1"}).json()

    assert [job["id"] for job in answer["jobs"]] == [wanted.id]
    assert again["jobs"][0]["lease"] == answer["jobs"][0]["lease"]


def test_a_claim_by_post_needs_no_body(api: APIClient) -> None:
    assert send(api, "post", "/jobs/claim").json()["jobs"] == []


def test_head_claims_nothing(api: APIClient) -> None:
    job = JobFactory()

    answer = send(api, "head", "/jobs/queue")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, OPTIONS")
    assert Job.objects.get(id=job.id).status == "queued"


def test_an_orchestrator_that_told_its_types_gets_only_those(api: APIClient) -> None:
    JobFactory(type="a")
    wanted = JobFactory(type="b")
    send(api, "post", "/orchestrator/heartbeat", {"jobTypes": ["b"]})

    assert [job["id"] for job in send(api, "get", "/jobs/queue").json()["jobs"]] == [wanted.id]


@pytest.mark.parametrize(("method", "path", "body"), [("get", "/jobs/queue?jobTypes=", None), ("post", "/jobs/claim", {"jobTypes": []})])
def test_a_list_that_names_no_type_asks_for_what_no_list_asks_for(api: APIClient, method: str, path: str, body: Any) -> None:
    wanted = JobFactory(type="b")
    JobFactory(type="a", priority=100)
    send(api, "post", "/orchestrator/heartbeat", {"jobTypes": ["b"]})

    assert [job["id"] for job in send(api, method, path, body).json()["jobs"]] == [wanted.id]


def test_waiting_for_nothing_takes_as_long_as_asked(api: APIClient) -> None:
    began = time.monotonic()
    answer = send(api, "post", "/jobs/claim", {"wait": 1}).json()

    assert answer["count"] == 0
    assert 0.9 < time.monotonic() - began < 5


@pytest.mark.parametrize(
    "query", ["batchSize=0", "batchSize=501", "batchSize=ten", "batchSize=-1", "wait=31", "jobTypes=a%20b", "claimId=%2F", "batchSize=%00"]
)
def test_a_claim_that_can_not_be_is_refused_and_claims_nothing(api: APIClient, query: str) -> None:
    job = JobFactory()
    assert_error(send(api, "get", f"/jobs/queue?{query}"), 400, "VALIDATION_INVALID_PARAMS")

    assert Job.objects.get(id=job.id).status == "queued"


def test_a_restarted_orchestrator_finds_what_it_held(api: APIClient) -> None:
    held = JobFactory(status="running", payload={"script": {"type": "BASH", "content": "true"}}, timeout_seconds=60)
    JobFactory(status="completed")
    answer = send(api, "get", "/jobs/orphaned?orchestratorId=somebody-else").json()

    assert [job["id"] for job in answer] == [held.id]
    assert (answer[0]["status"], answer[0]["timeoutSeconds"], answer[0]["cancelRequestedAt"]) == ("running", 60, None)
    assert all(is_time(answer[0][name]) for name in ("claimedAt", "startedAt", "leaseExpiresAt", "createdAt", "updatedAt"))
    assert answer[0]["lease"]["expiresAt"] == answer[0]["leaseExpiresAt"]
    assert answer[0]["lease"]["token"].startswith("1.")
    assert answer[0]["execution"] == {
        "script": {"type": "BASH", "content": "true"},
        "timeout": 60,
        "target": {"type": "local"},
        "environment": {},
    }


def test_a_huge_payload_is_told_once(api: APIClient) -> None:
    JobFactory(payload={"script": {"type": "BASH", "content": "x" * 300_000}})
    with override_settings(ANSWER_LIMIT=65536 + 500_000):
        answer = send(api, "get", "/jobs/queue")

    (told,) = answer.json()["jobs"]
    assert "execution" not in told
    assert len(answer.content) < 500_000
