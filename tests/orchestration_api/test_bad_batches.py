"""What is wrong in one item of a batch harms no other; what is wrong with the batch refuses it whole."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.models import Job
from tests.factories import JobFactory
from tests.orchestration_api.batches import complete, report
from tests.orchestration_api.wire import assert_error, send, untouched

BAD: list[tuple[Any, str]] = [
    (None, "VALIDATION_INVALID_PARAMS"),
    ([], "VALIDATION_INVALID_PARAMS"),
    ("job_1", "VALIDATION_INVALID_PARAMS"),
    ({}, "VALIDATION_MISSING_FIELD"),
    ({"action": "start"}, "VALIDATION_MISSING_FIELD"),
    ({"jobId": "JOB"}, "VALIDATION_MISSING_FIELD"),
    ({"jobId": None, "action": "start"}, "VALIDATION_MISSING_FIELD"),
    ({"jobId": 7, "action": "start"}, "VALIDATION_INVALID_PARAMS"),
    ({"jobId": "JOB", "action": "dance"}, "VALIDATION_INVALID_PARAMS"),
    ({"jobId": "JOB", "action": ["start"]}, "VALIDATION_INVALID_PARAMS"),
    ({"jobId": "JOB", "action": "acknowledge"}, "VALIDATION_INVALID_PARAMS"),
    ({"jobId": "JOB", "action": "complete"}, "VALIDATION_MISSING_FIELD"),
    ({"jobId": "JOB", "action": "complete", "exitCode": "0"}, "VALIDATION_INVALID_PARAMS"),
    ({"jobId": "JOB", "action": "progress"}, "VALIDATION_MISSING_FIELD"),
    ({"jobId": "JOB", "action": "start", "details": []}, "VALIDATION_INVALID_PARAMS"),
    ({"jobId": "JOB", "action": "start", "details": [], "phase": "x"}, "VALIDATION_INVALID_PARAMS"),
    ({"jobId": "JOB", "action": "start", "leaseToken": 5}, "VALIDATION_INVALID_PARAMS"),
    ({"jobId": "JOB", "action": "start", "leaseToken": "1.forged"}, "LEASE_LOST"),
    ({"jobId": "JOB", "action": "start", "timestamp": "2026-11-24T10:00:00"}, "VALIDATION_INVALID_PARAMS"),
    ({"jobId": "JOB", "action": "start", "timestamp": "2020-01-01T00:00:00Z"}, "TIMESTAMP_OUT_OF_RANGE"),
    ({"jobId": "JOB", "action": "start", "expectedUpdatedAt": "2020-01-01T00:00:00Z"}, "CONFLICT"),
    ({"jobId": "JOB", "action": "start", "orchestratorId": "orch-2"}, "ORCHESTRATOR_MISMATCH"),
    ({"jobId": "JOB", "action": "start", "phase": "\x00"}, "INVALID_UNICODE"),
    ({"jobId": "JOB", "action": "start", "\ud800": 1}, "INVALID_UNICODE"),
    ({"jobId": "job_\x00", "action": "start"}, "INVALID_UNICODE"),
    ({"jobId": "job_\ud800", "action": "start"}, "INVALID_UNICODE"),
    ({"jobId": "job_none", "action": "start"}, "JOB_NOT_FOUND"),
    ({"jobId": "a b", "action": "start"}, "JOB_NOT_FOUND"),
    ({"jobId": "x" * 100_000, "action": "start"}, "JOB_NOT_FOUND"),
]


def test_a_bad_item_harms_no_other(api: APIClient) -> None:
    told_of, good = JobFactory(status="running"), [JobFactory(status="running") for _ in BAD]
    before = untouched(told_of)
    bad = [{**item, "jobId": told_of.id} if isinstance(item, dict) and item.get("jobId") == "JOB" else item for item, _ in BAD]
    # Only the first of one job is judged: those that never get so far each speak of the same, the others of one of their own.
    judged = {"LEASE_LOST", "CONFLICT"}
    others = [JobFactory(status="running") if code in judged else None for _, code in BAD]
    bad = [{**item, "jobId": other.id} if other else item for item, other in zip(bad, others, strict=True)]
    body = json.dumps({"updates": [item for pair in zip(bad, map(complete, good), strict=True) for item in pair]})
    answer = api.post("/api/internal/jobs/status", body, content_type="application/json").json()

    assert [result["error"]["code"] for result in answer["results"][::2]] == [code for _, code in BAD]
    assert [result["ok"] for result in answer["results"]] == [False, True] * len(BAD)
    assert (answer["applied"], answer["rejected"]) == (len(BAD), len(BAD))
    for result in answer["results"][::2]:
        assert set(result) == {"jobId", "ok", "status", "nextAction", "error"}
        assert set(result["error"]) == {"code", "message", "details", "timestamp", "traceId"}
        assert len(result["jobId"] or "") <= 200
    assert untouched(told_of) == before
    assert [Job.objects.get(id=job.id).status for job in good] == ["completed"] * len(good)
    assert [Job.objects.get(id=job.id).status for job in others if job] == ["running"] * sum(map(bool, others))


WHOLE: list[tuple[Any, int]] = [
    (b"", 400),
    (b"{", 400),
    (b"[]", 400),
    ({}, 400),
    ({"updates": None}, 400),
    ({"updates": {}}, 400),
    ({"updates": "x"}, 400),
    ({"updates": "FIRST", "claim": []}, 400),
    ({"updates": "FIRST", "claim": {"batchSize": 501}}, 400),
    ({"updates": "FIRST", "claim": {"jobTypes": "a"}}, 400),
    ({"updates": "FIRST", "claim": {"claimId": "\x00"}}, 422),
    ({"updates": "FIRST", "mood\x00": 1}, 422),
    ({"updates": "FIRST", "orchestratorId": "orch-2"}, 403),
    ({"updates": "FIRST", "orchestratorId": 5}, 400),
    ({"updates": "FIRST", "timestamp": "2020-01-01T00:00:00Z"}, 400),
    ({"updates": "MANY"}, 400),
    (b'{"updates": [], "updates": []}', 400),
    (b'{"updates": [{"exitCode": NaN}]}', 400),
]


@pytest.mark.parametrize(("body", "status"), WHOLE)
def test_a_batch_that_can_not_be_read_is_refused_whole(api: APIClient, body: Any, status: int) -> None:
    job, queued = JobFactory(status="running"), JobFactory()
    if isinstance(body, dict):
        updates = {"FIRST": [complete(job)], "MANY": [complete(job)] * 501}
        body = json.dumps({key: updates.get(value, value) if isinstance(value, str) else value for key, value in body.items()})
    before = untouched(job), untouched(queued)
    answer = api.post("/api/internal/jobs/status", body, content_type="application/json")

    assert (answer.status_code, set(answer.json())) == (status, {"error"})
    assert (untouched(job), untouched(queued)) == before


def test_an_empty_batch_is_one(api: APIClient) -> None:
    assert report(api, []).json() == {"results": [], "applied": 0, "rejected": 0}
    assert report(api, [], mood="good").json()["ignored"] == ["mood"]


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_only_a_post_reports(api: APIClient, method: str) -> None:
    assert_error(send(api, method, "/jobs/status"), 405, "METHOD_NOT_ALLOWED")
