"""`POST /jobs/status`: many reports in one call, each for itself, and a claim in the same round trip."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from jobs import leases
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.models import Job
from tests.factories import HOLDER, PRODUCER, JobFactory
from tests.ledger import actions, assert_sound
from tests.orchestration_api.wire import assert_error, send, untouched
from tests.traffic import counted


def report(api: APIClient, updates: Any, **rest: Any) -> Any:
    return send(api, "post", "/jobs/status", {"updates": updates, **rest})


def results(api: APIClient, updates: Any) -> list[dict[str, Any]]:
    answer = report(api, updates)
    assert answer.status_code == 200, answer.content
    told: list[dict[str, Any]] = answer.json()["results"]
    return told


def complete(job: Job, **fields: Any) -> dict[str, Any]:
    return {"jobId": job.id, "action": "complete", "exitCode": 0, **fields}


def test_every_action_in_one_batch_is_answered_in_order(api: APIClient) -> None:
    jobs = {action: JobFactory(status="running") for action in ("complete", "fail", "cancel", "release", "progress")}
    jobs["start"] = JobFactory(status="claimed")
    send(api, "post", f"/jobs/{jobs['cancel'].id}/cancel")
    fields: dict[str, Any] = {"complete": {"exitCode": 0}, "fail": {"error": "no"}, "progress": {"progress": {"percentage": 40}}}
    answer = report(api, [{"jobId": job.id, "action": action, **fields.get(action, {})} for action, job in jobs.items()]).json()

    became = {action: result["status"] for action, result in zip(jobs, answer["results"], strict=True)}
    assert became == {
        "complete": "completed",
        "fail": "failed",
        "cancel": "cancelled",
        "release": "queued",
        "progress": "running",
        "start": "running",
    }
    assert [result["jobId"] for result in answer["results"]] == [job.id for job in jobs.values()]
    assert [set(result) for result in answer["results"]] == [{"jobId", "ok", "status", "nextAction"}] * 6
    assert (answer["applied"], answer["rejected"]) == (6, 0)
    assert not {"jobs", "count", "metadata", "ignored"} & answer.keys()
    for job in jobs.values():
        assert_sound(job.id)


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


def test_a_second_item_for_a_job_is_a_conflict_and_the_first_stands(api: APIClient) -> None:
    job = JobFactory(status="running")
    first, second = results(api, [complete(job), {"jobId": job.id, "action": "fail", "error": "no"}])

    assert (first["ok"], second["error"]["code"], second["status"], second["nextAction"]) == (True, "CONFLICT", "completed", "continue")
    assert actions(job)[-1] == "complete"


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


def test_each_item_is_mended_and_answered_for_itself(api: APIClient) -> None:
    jobs = [JobFactory(status="running") for _ in range(3)]
    mended, clean, odd = results(
        api,
        [
            {"jobId": jobs[0].id, "action": "fail", "error": {"message": "a\x00b", "k\x00": "\x00"}},
            complete(jobs[1]),
            complete(jobs[2], mood="good", **{f"key{n}": n for n in range(30)}),
        ],
    )

    assert mended["replaced"] == ["error.k\ufffd", "error.message"]
    assert Job.objects.get(id=jobs[0].id).last_error == "a\ufffdb"
    assert not {"replaced", "ignored"} & clean.keys()
    # An answer has a largest size: of very many names only the first are told.
    assert (len(odd["ignored"]), odd["ignored"][-1]) == (21, "…")


def test_replays_count_as_applied_and_are_told(api: APIClient) -> None:
    jobs = [JobFactory(status="running", max_attempts=2) for _ in range(3)]
    updates = [complete(jobs[0]), {"jobId": jobs[1].id, "action": "fail", "error": "x"}, {"jobId": jobs[2].id, "action": "start"}]
    results(api, updates)
    before = [untouched(job) for job in jobs]
    answer = report(api, [{**update, "timestamp": datetime.now(UTC).isoformat()} for update in updates]).json()

    assert [result["replayed"] for result in answer["results"]] == [True] * 3
    assert (answer["applied"], answer["results"][1]["nextAction"]) == (3, "retry")
    assert [untouched(job) for job in jobs] == before


def test_a_status_of_its_own_call_is_another_report_than_a_complete(api: APIClient) -> None:
    job = JobFactory(status="running")
    send(api, "put", f"/jobs/{job.id}/status", {"status": "completed", "details": {"exitCode": 0}})
    (told,) = results(api, [complete(job)])

    assert told["error"]["code"] == "ALREADY_FINISHED"
    assert told["error"]["details"]["outcome"]["status"] == "completed"


def test_details_may_stand_in_the_item_or_as_the_single_call_has_them(api: APIClient) -> None:
    jobs = [JobFactory(status="running") for _ in range(2)]
    results(api, [{"jobId": job.id, "action": "cancel", **fields} for job, fields in zip(jobs, FORMS, strict=True)])

    assert [Job.objects.get(id=job.id).last_error for job in jobs] == ["out of time"] * 2
    assert results(api, [{"jobId": jobs[0].id, "action": "cancel", **FORMS[1]}])[0]["replayed"] is True
    again = send(api, "put", f"/jobs/{jobs[1].id}/status", {"status": "cancelled", **FORMS[1]}).json()
    assert again["replayed"] is True


FORMS: list[dict[str, Any]] = [{"message": "out of time", "exitCode": 1}, {"details": {"exitCode": 1, "message": "out of time"}}]


@pytest.mark.parametrize("where", ["frame", "header", "item"])
def test_a_batch_sent_before_a_claim_belongs_to_an_earlier_one(api: APIClient, where: str) -> None:
    job = JobFactory(status="running")
    before = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    body: dict[str, Any] = {"updates": [complete(job, **({"timestamp": before} if where == "item" else {}))]}
    body |= {"timestamp": before} if where == "frame" else {}
    headers = {"X_Request_Timestamp": before} if where == "header" else {}
    (told,) = send(api, "post", "/jobs/status", body, **headers).json()["results"]

    assert (told["error"]["code"], told["nextAction"]) == ("NOT_JOB_OWNER", "abandon")


def test_a_fenced_caller_proves_each_item(api: APIClient) -> None:
    jobs = [JobFactory(status="running") for _ in range(2)]
    with override_settings(REQUIRE_LEASE_TOKENS=True):
        bare, proven = results(api, [complete(jobs[0]), complete(jobs[1], leaseToken=leases.token_of(jobs[1]))])
        unknown = results(api, [{"jobId": "job_none", "action": "start"}])[0]
        assert_error(send(api, "post", f"/jobs/{jobs[0].id}/logs", {"entries": []}), 428, "LEASE_TOKEN_REQUIRED")

    assert (bare["error"]["code"], proven["ok"], unknown["error"]["code"]) == ("LEASE_TOKEN_REQUIRED", True, "JOB_NOT_FOUND")


def test_the_same_round_trip_then_claims(api: APIClient) -> None:
    job, queued = JobFactory(status="running"), JobFactory(type="wanted")
    JobFactory(type="unwanted")
    answer = report(api, [complete(job)], claim={"batchSize": 5, "jobTypes": ["wanted"], "claimId": "c1"}).json()
    again = report(api, [complete(job)], claim={"batchSize": 5, "jobTypes": ["wanted"], "claimId": "c1"}).json()

    assert (answer["applied"], answer["count"], [won["id"] for won in answer["jobs"]]) == (1, 1, [queued.id])
    assert set(answer["metadata"]) == {"timestamp", "nextPollAfter", "queueSize"}
    assert (again["results"][0]["replayed"], again["jobs"]) == (True, answer["jobs"])


def test_a_claim_may_take_what_the_reports_gave_back(api: APIClient) -> None:
    job = JobFactory(status="running")
    answer = report(api, [{"jobId": job.id, "action": "release"}], claim={}).json()

    assert [(won["id"], won["epoch"]) for won in answer["jobs"]] == [(job.id, 2)]


def test_a_claim_that_fails_undoes_no_report(api: APIClient, sql: Any) -> None:
    job, queued = JobFactory(status="running"), JobFactory()
    sql("alter function claim_jobs rename to claim_jobs_gone")
    answer = report(api, [complete(job)], claim={"batchSize": 5}).json()

    assert (answer["applied"], answer["jobs"], answer["count"]) == (1, [], 0)
    assert answer["metadata"]["reason"] == "unavailable"
    assert [Job.objects.get(id=one.id).status for one in (job, queued)] == ["completed", "queued"]


def test_an_outcome_in_a_refusal_is_shortened_and_says_so(api: APIClient) -> None:
    job = JobFactory(status="running")
    results(api, [{"jobId": job.id, "action": "fail", "error": "ä" * 3000}])
    outcome = results(api, [complete(job)])[0]["error"]["details"]["outcome"]

    assert (outcome["error"], outcome["errorBytes"]) == ("ä" * 2000, 6000)


@override_settings(ANSWER_LIMIT=65536 + 2000)
def test_an_answer_that_would_pass_the_limit_leaves_out_details(api: APIClient) -> None:
    jobs = [JobFactory(status="failed") for _ in range(5)]
    told = results(api, [complete(job) for job in jobs])

    assert [(result["error"]["code"], result["error"]["details"]) for result in told] == [("ALREADY_FINISHED", {})] * 5


def test_the_claim_has_what_the_results_leave_of_the_answer(api: APIClient) -> None:
    held, queued = [JobFactory(status="completed") for _ in range(20)], [JobFactory(payload="x" * 500) for _ in range(10)]
    with override_settings(ANSWER_LIMIT=65536 + 20_000):
        answer = report(api, [complete(job) for job in held], claim={"batchSize": 10})

    assert 0 < answer.json()["count"] < len(queued)
    assert len(answer.content) < 65536 + 20_000


SIZES = (5, 50, 500)


@pytest.mark.parametrize("kind", ["reports", "replays", "late", "progress", "forged", "mixed"])
def test_the_number_of_statements_does_not_grow_with_the_number_of_items(api: APIClient, kind: str) -> None:
    sent = []
    for size in SIZES:
        updates = updates_of(kind, size)
        if kind == "replays":
            results(api, updates)
        with counted() as traffic:
            told = results(api, updates)
        assert len(told) == size
        assert {result["ok"] for result in told} == {"late": {False}, "forged": {False}, "mixed": {True, False}}.get(kind, {True})
        assert all(result.get("replayed") for result in told) == (kind == "replays")
        sent.append(traffic.statements)

    assert len(set(sent)) == 1, sent
    # The door, and what stores progress; a transaction about both; the keys once more where a token does not verify.
    assert 1 <= sent[0] <= 6


def updates_of(kind: str, size: int) -> list[dict[str, Any]]:
    """Reports of as many jobs, all held in one claim."""
    job_type = f"of-{kind}-{size}"
    enqueue([NewJob(type=job_type, payload=None) for _ in range(size)], by=PRODUCER)
    jobs = claim(by=HOLDER, batch_size=size, job_types=[job_type]).jobs
    if kind == "late":
        Job.objects.filter(type=job_type).update(lease_expires_at=datetime.now(UTC) - timedelta(seconds=1))
    words = WORDS.get(kind, [{"action": "fail", "error": "no"}])
    return [{"jobId": job.id, **words[place % len(words)]} for place, job in enumerate(jobs)]


WORDS: dict[str, list[dict[str, Any]]] = {
    "progress": [{"action": "progress", "progress": 1}],
    "forged": [{"action": "complete", "exitCode": 0, "leaseToken": "1.forged"}],
    "mixed": [
        {"action": "start", "phase": "running"},
        {"action": "progress", "phase": "x"},
        {"action": "complete"},
        {"action": "release"},
        {"action": "dance"},
    ],
}
