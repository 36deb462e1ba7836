"""Section 2 of the contract, where no other test holds its sentences."""

import hashlib
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.lifecycle import ILLEGAL_PAIRS, Status, allowed_from
from jobs.models import Attempt, AuditEntry, Job
from tests.factories import JobFactory
from tests.ledger import entries
from tests.orchestration_api.wire import assert_error, send, untouched

ENTRY_KEYS = {
    "id", "jobId", "sequence", "action", "fromStatus", "toStatus", "actorKind", "actor", "epoch", "attempt", "reason", "requestId", "at",
    "statedAt", "detail",
}  # fmt: skip
# How an orchestrator asks for each status that a report can ask for.
_WORD: dict[Status, tuple[str, str, dict[str, Any]]] = {
    Status.RUNNING: ("put", "status", {"status": "running"}),
    Status.QUEUED: ("put", "status", {"status": "queued"}),
    Status.CLAIMED: ("put", "status", {"status": "claimed"}),
}


@pytest.mark.parametrize(("source", "target"), sorted(pair for pair in ILLEGAL_PAIRS if pair[0].is_live and pair[1] in _WORD))
def test_an_illegal_step_of_the_holder_is_told_what_is_allowed(api: APIClient, source: Status, target: Status) -> None:
    job = JobFactory(status=source)
    before = untouched(job)
    method, path, body = _WORD[target]
    details = assert_error(send(api, method, f"/jobs/{job.id}/{path}", body), 409, "INVALID_TRANSITION")

    assert details == {"status": source, "requested": target, "allowed": allowed_from(source)}
    assert untouched(job) == before


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_no_producer_cancels_what_has_ended(api: APIClient, status: Status) -> None:
    job = JobFactory(status=status)
    before = untouched(job)
    details = assert_error(send(api, "post", f"/jobs/{job.id}/cancel"), 409, "INVALID_TRANSITION")

    assert details == {"status": status, "requested": "cancelled", "allowed": allowed_from(status)}
    assert untouched(job) == before


@pytest.mark.parametrize("status", [Status.QUEUED, Status.CLAIMED, Status.RUNNING, Status.COMPLETED])
def test_only_what_failed_or_was_cancelled_is_retried(api: APIClient, status: Status) -> None:
    job = JobFactory(status=status)
    before = untouched(job)
    details = assert_error(send(api, "post", f"/jobs/{job.id}/retry"), 409, "INVALID_TRANSITION")

    assert details == {"status": status, "requested": "queued", "allowed": allowed_from(status)}
    assert untouched(job) == before


def test_an_entry_has_the_fields_of_the_contract(api: APIClient) -> None:
    job = JobFactory(status="running", max_attempts=2)
    send(api, "post", f"/jobs/{job.id}/fail", {"error": "x", "exitCode": 1, "retryAfterSeconds": 0})
    told = send(api, "get", f"/jobs/{job.id}/history").json()["entries"]

    assert all(entry.keys() >= ENTRY_KEYS for entry in told)
    assert [(entry["action"], entry["actorKind"], entry["actor"], entry["attempt"]) for entry in told] == [
        ("enqueue", "producer", "producer-1", 1),
        ("claim", "orchestrator", "orch-1", 1),
        ("start", "orchestrator", "orch-1", 1),
        ("fail", "orchestrator", "orch-1", 1),
        ("retry", "system", "retry policy", 2),
    ]
    assert told[3]["detail"] == {"error": "x", "exitCode": 1, "category": "exit_code", "categoryInferred": True}


def test_what_is_no_change_of_status_has_the_same_from_and_to(api: APIClient) -> None:
    job = JobFactory(status="claimed")
    send(api, "post", f"/jobs/{job.id}/acknowledge")
    send(api, "post", f"/jobs/{job.id}/cancel")
    waiting = JobFactory()
    send(api, "patch", f"/jobs/{waiting.id}", {"priority": 3})
    log = [*entries(job), *entries(waiting)]

    assert {entry.action: (entry.from_status, entry.to_status) for entry in log if entry.from_status == entry.to_status} == {
        "acknowledge": ("claimed", "claimed"),
        "cancel_request": ("claimed", "claimed"),
        "edit": ("queued", "queued"),
    }


def test_an_entry_keeps_small_metrics_and_of_large_ones_their_size(api: APIClient) -> None:
    small, large = JobFactory(status="running"), JobFactory(status="running")
    send(api, "post", f"/jobs/{small.id}/complete", {"exitCode": 0, "metrics": {"rows": 3}})
    send(api, "post", f"/jobs/{large.id}/complete", {"exitCode": 0, "metrics": {"rows": "x" * 16 * 1024}})

    assert last_detail(small) == {"exitCode": 0, "metrics": {"rows": 3}}
    assert last_detail(large) == {"exitCode": 0, "metricsBytes": 16 * 1024 + len('{"rows": ""}')}
    assert len(send(api, "get", f"/jobs/{large.id}").json()["result"]["metrics"]["rows"]) == 16 * 1024


def test_an_output_is_stored_once_with_its_attempt_and_logged_by_length_and_hash(api: APIClient) -> None:
    job = JobFactory(status="running", max_attempts=2)
    send(api, "post", f"/jobs/{job.id}/fail", {"error": "x", "output": {"stdout": "ünique", "stderr": ""}, "retryAfterSeconds": 0})
    detail = next(entry.detail for entry in entries(job) if entry.action == "fail")
    stored = Attempt.objects.get(job_id=job.id)

    assert stored.result
    assert stored.result["output"] == {"stdout": "ünique", "stderr": ""}
    assert detail
    assert detail["output"]["stdout"] == {"bytes": 7, "sha256": hashlib.sha256("ünique".encode()).hexdigest()}
    assert not AuditEntry.objects.filter(job_id=job.id, detail__icontains="nique").exists()


CLEARED = (
    "orchestrator_id",
    "claim_id",
    "lease_expires_at",
    "claimed_at",
    "acknowledged_at",
    "started_at",
    "completed_at",
    "phase",
    "progress",
)


def ways_back(api: APIClient, job: Job) -> dict[str, Any]:
    return {
        "release": lambda: send(api, "post", f"/jobs/{job.id}/release"),
        "fail and retry": lambda: send(api, "post", f"/jobs/{job.id}/fail", {"error": "again", "retryAfterSeconds": 0}),
    }


@pytest.mark.parametrize("way", ["release", "fail and retry"])
def test_back_to_queued_clears_what_belongs_to_a_run(api: APIClient, way: str) -> None:
    job = JobFactory(max_attempts=5)
    send(api, "post", "/jobs/claim", {"claimId": "c-1"})
    send(api, "post", f"/jobs/{job.id}/acknowledge")
    send(api, "put", f"/jobs/{job.id}/status", {"status": "running", "details": {"phase": "rendering", "progress": {"percentage": 5}}})
    job.refresh_from_db()
    assert [name for name in CLEARED if getattr(job, name) is None] == ["completed_at"]
    assert ways_back(api, job)[way]().status_code == 200
    job.refresh_from_db()

    assert job.status == "queued"
    assert [name for name in (*CLEARED, "cancel_requested_at") if getattr(job, name) is not None] == []


def test_a_retry_clears_the_cancel_and_the_end(api: APIClient) -> None:
    job = JobFactory(status="running")
    send(api, "post", f"/jobs/{job.id}/cancel")
    send(api, "put", f"/jobs/{job.id}/status", {"status": "cancelled"})
    assert send(api, "post", f"/jobs/{job.id}/retry").status_code == 200
    job.refresh_from_db()

    assert [name for name in (*CLEARED, "cancel_requested_at") if getattr(job, name) is not None] == []


def test_the_last_error_stays_until_the_next_attempt_ends(api: APIClient) -> None:
    job = JobFactory(status="running", max_attempts=3)
    send(api, "post", f"/jobs/{job.id}/fail", {"error": "first", "exitCode": 7, "retryAfterSeconds": 0})
    kept = {"lastError": "first", "errorCategory": "exit_code", "exitCode": 7, "result": {"error": "first", "exitCode": 7}}
    for _ in ("queued", "claimed", "running"):
        told = send(api, "get", f"/jobs/{job.id}").json()
        assert {name: told[name] for name in kept} == kept, told["status"]
        step = {"queued": ("post", "/jobs/claim", None), "claimed": ("put", f"/jobs/{job.id}/status", {"status": "running"})}
        if told["status"] in step:
            assert send(api, *step[told["status"]]).status_code == 200
    send(api, "post", f"/jobs/{job.id}/complete", {"output": "fine"})
    told = send(api, "get", f"/jobs/{job.id}").json()

    assert {name: told[name] for name in kept} == {"lastError": None, "errorCategory": None, "exitCode": None, "result": {"output": "fine"}}


def test_updated_at_moves_with_entries_and_with_nothing_else(api: APIClient) -> None:
    job = JobFactory(status="claimed")
    moves = [
        ("post", f"/jobs/{job.id}/acknowledge", None),
        ("put", f"/jobs/{job.id}/status", {"status": "running"}),
        ("post", f"/jobs/{job.id}/cancel", None),
        ("post", f"/jobs/{job.id}/complete", {"exitCode": 0}),
    ]
    leaves = [
        ("post", "/orchestrator/heartbeat", {"runningJobs": [{"jobId": job.id, "progress": {"percentage": 1}}]}),
        ("put", f"/jobs/{job.id}/status", {"status": "preparing"}),
        ("post", f"/jobs/{job.id}/logs", {"entries": [{"sequence": 0, "stream": "stdout", "line": "x"}]}),
    ]
    for move in moves:
        for call in leaves if move[1].endswith(("acknowledge", "cancel")) else []:
            before = untouched_at(job)
            assert send(api, *call).status_code == 200, call
            assert untouched_at(job) == before, call
        before = untouched_at(job)
        assert send(api, *move).status_code == 200
        assert untouched_at(job) > before, move


def untouched_at(job: Job) -> tuple[Any, int]:
    """When the job last changed, and how many entries it has."""
    return Job.objects.get(id=job.id).updated_at, AuditEntry.objects.filter(job_id=job.id).count()


def last_detail(job: Job) -> Any:
    """What the newest entry of a job keeps of the change."""
    return entries(job)[-1].detail
