"""Sections 6 and 7 of the contract, where no other test holds their sentences."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs import times
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.leases import Pulse, heartbeat
from jobs.models import AuditEntry, Job, Orchestrator
from tests.factories import HOLDER, PRODUCER, JobFactory
from tests.orchestration_api.wire import assert_error, is_time, send
from tests.statements import counted

# The fields of a Job in the order of the contract.
JOB_KEYS = [
    "id", "type", "status", "priority", "payload", "metadata", "result", "lastError", "errorCategory", "exitCode", "attempts",
    "maxAttempts", "epoch", "phase", "progress", "partial", "createdBy", "orchestratorId", "timeoutSeconds", "scheduledFor", "createdAt",
    "updatedAt", "claimedAt", "acknowledgedAt", "startedAt", "completedAt", "leaseExpiresAt", "cancelRequestedAt", "retriedFrom",
]  # fmt: skip


def test_a_job_has_the_fields_of_the_contract(api: APIClient) -> None:
    job = JobFactory(status="running", payload={"rows": 3})
    whole = send(api, "get", f"/jobs/{job.id}").json()
    (listed,) = send(api, "get", "/jobs").json()["results"]

    assert set(JOB_KEYS) <= whole.keys()
    assert set(JOB_KEYS) - listed.keys() == {"payload", "result"}
    assert {name: type(whole[name]) for name in JOB_KEYS if whole[name] is not None} == {
        "id": str, "type": str, "status": str, "priority": int, "payload": dict, "metadata": dict, "attempts": int, "maxAttempts": int,
        "epoch": int, "partial": bool, "createdBy": str, "orchestratorId": str, "timeoutSeconds": int, "scheduledFor": str,
        "createdAt": str, "updatedAt": str, "claimedAt": str, "startedAt": str, "leaseExpiresAt": str,
    }  # fmt: skip


def test_what_a_new_job_is_when_only_type_and_payload_are_given(api: APIClient) -> None:
    job = send(api, "post", "/jobs", {"type": "t", "payload": None}).json()["job"]

    assert {name: job[name] for name in ("priority", "maxAttempts", "timeoutSeconds", "metadata", "attempts", "epoch", "status")} == {
        "priority": 50, "maxAttempts": 1, "timeoutSeconds": 3600, "metadata": {}, "attempts": 0, "epoch": 0, "status": "queued",
    }  # fmt: skip
    assert job["scheduledFor"] == job["createdAt"] == job["updatedAt"]
    assert re.fullmatch(r"job_[0-9A-HJKMNP-TV-Z]{26}", job["id"])
    assert len(job["id"]) <= 50


def test_a_page_holds_fifty_jobs_newest_first_unless_it_says_otherwise(api: APIClient) -> None:
    made = [job.id for job in enqueue([NewJob(type="t")] * 60, by=PRODUCER)]
    first = send(api, "get", "/jobs").json()

    assert [job["id"] for job in first["results"]] == sorted(made, reverse=True)[:50]
    assert len(send(api, "get", "/jobs?pageSize=200").json()["results"]) == 60
    assert_error(send(api, "get", "/jobs?pageSize=201"), 400, "VALIDATION_INVALID_PARAMS")


@pytest.mark.parametrize("ordering", ["status", "attempts", "created_at", "--createdAt", "createdAt,priority", "-"])
def test_an_ordering_that_is_none_is_refused(api: APIClient, ordering: str) -> None:
    details = assert_error(send(api, "get", f"/jobs?ordering={ordering}"), 400, "VALIDATION_INVALID_PARAMS")

    assert list(details["fields"]) == ["ordering"]


def test_the_history_of_a_job_outlives_the_job(api: APIClient) -> None:
    job = JobFactory(status="completed")
    before = send(api, "get", f"/jobs/{job.id}/history").json()["entries"]
    Job.objects.filter(id=job.id).delete()

    assert_error(send(api, "get", f"/jobs/{job.id}"), 404, "JOB_NOT_FOUND")
    assert send(api, "get", f"/jobs/{job.id}/history").json()["entries"] == before
    assert [entry["sequence"] for entry in before] == [0, 1, 2, 3]


def test_a_heartbeat_leaves_no_entry_and_no_change_but_the_lease(api: APIClient) -> None:
    job = JobFactory(status="running")
    before = columns_of(job)
    named = [{"jobId": job.id, "progress": {"percentage": 40}}]
    assert send(api, "post", "/orchestrator/heartbeat", {"runningJobs": named}).status_code == 200
    after = columns_of(job)

    assert {name for name in after if after[name] != before[name]} == {"lease_expires_at", "kept_by_heartbeats", "progress", "progress_at"}
    assert AuditEntry.objects.filter(job_id=job.id).count() == 3


@pytest.mark.parametrize("count", [1, 50, 500])
def test_a_heartbeat_is_one_statement_whatever_the_count(db: None, count: int) -> None:
    made = enqueue([NewJob(type="t")] * count, by=PRODUCER)
    claim(by=HOLDER, batch_size=count)
    with counted() as sent:
        answer = heartbeat(Pulse(named=[{"job_id": job.id} for job in made]), by=HOLDER)

    assert len(answer.leases) == count
    assert sent.statements == 1


def test_health_tells_that_server_and_database_are_well(api: APIClient) -> None:
    told = send(api, "get", "/orchestrator/health").json()

    assert (told["status"], told["database"]) == ("healthy", "connected")
    assert is_time(told["timestamp"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["version"])


def test_me_tells_who_the_server_takes_one_for_and_its_time(api: APIClient) -> None:
    told = send(api, "get", "/orchestrator/me").json()

    assert (told["orchestratorId"], told["scopes"]) == ("orch-1", ["orchestrate", "enqueue", "read", "manage"])
    assert abs(times.read(told["timestamp"]) - datetime.now(UTC)) < timedelta(seconds=30)


@pytest.mark.parametrize("path", ["/orchestrator/health", "/orchestrator/metrics"])
def test_what_an_orchestrator_says_of_itself_is_kept_and_counts_as_contact(api: APIClient, path: str) -> None:
    first = {"orchestratorId": "orch-1", "status": "healthy", "components": {"docker": {"status": "healthy"}}}
    last: dict[str, Any] = {"orchestratorId": "orch-1", "status": "", "components": None, "load": 0.25}
    assert send(api, "post", path, first).status_code == 200
    Orchestrator.objects.update(last_seen_at=datetime.now(UTC) - timedelta(hours=1))
    assert send(api, "post", path, last).status_code == 200
    known = Orchestrator.objects.get(id="orch-1")

    assert known.last_report == last
    assert datetime.now(UTC) - known.last_seen_at < timedelta(minutes=1)


def columns_of(job: Job) -> dict[str, Any]:
    """The row as it stands."""
    return dict(Job.objects.filter(id=job.id).values().get())
