"""The order of checks as the contract has it: a request that offends two that stand side by side is answered by the earlier one."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from jobs import leases, times
from jobs.models import Job
from tests.factories import HOLDER, OTHER, STAFF, JobFactory, claimed
from tests.orchestration_api.scrutiny import HEADERS
from tests.orchestration_api.wire import BASE, send
from tests.orchestration_api.zombies import FORGED, lapse

FAR_OFF = "2020-01-01T00:00:00Z"
STALE = "2026-01-01T00:00:00Z"
HALF_A_PAIR = rb'"note": "\ud800"'
FINISHED = {"exitCode": 0}


@dataclass(frozen=True)
class Offence:
    """A completion that offends two checks.

    Attributes:
        answer: status and code of the earlier one.
        job: the job as it has come to be.
        body: as sent; of an object the JSON.
        headers: beside, or instead of, those of a right call.
        path: of another call than `complete`.
    """

    answer: tuple[int, str]
    body: Any
    job: Callable[[], Job] = lambda: JobFactory(status="running")
    headers: dict[str, str] = field(default_factory=dict)
    path: str = "/jobs/{id}/complete"


def finished() -> Job:
    """Completed by HOLDER over HTTP with FINISHED."""
    job = JobFactory(status="running")
    answer = send_raw(job, FINISHED, {}, "/jobs/{id}/complete")
    assert answer.status_code == 200
    return job


def finished_and_claimed_by_another() -> Job:
    """A failure of HOLDER was retried, and OTHER holds the job."""
    job = JobFactory(status="running", max_attempts=3)
    answer = send_raw(job, {"error": "busy", "retryAfterSeconds": 0}, {}, "/jobs/{id}/fail")
    assert answer.status_code == 200
    return claimed(job, OTHER)


def given_back_and_lapsed_with_another() -> Job:
    job = JobFactory(status="running")
    job.release(by=STAFF)
    claimed(job, OTHER)
    lapse(job)
    return job


def lapsed() -> Job:
    job = JobFactory(status="running")
    lapse(job)
    return job


UNKNOWN = "/jobs/job_nope/complete"
NEIGHBOURS = {
    "token, then size": Offence((401, "AUTH_INVALID_TOKEN"), b"x" * 1000, headers={"Authorization": "Bearer nope"}),
    "size, then media type": Offence((413, "PAYLOAD_TOO_LARGE"), b"x" * 1000, headers={"Content-Type": "text/plain"}),
    "media type, then length": Offence(
        (415, "UNSUPPORTED_MEDIA_TYPE"), b"", headers={"Content-Type": "text/plain", "Transfer-Encoding": "chunked"}
    ),
    "media type, then JSON": Offence((415, "UNSUPPORTED_MEDIA_TYPE"), b"{", headers={"Content-Type": "text/plain"}),
    "length, then JSON": Offence((411, "LENGTH_REQUIRED"), b"", headers={"Transfer-Encoding": "chunked"}),
    "JSON, then text": Offence((400, "VALIDATION_INVALID_PARAMS"), b'{"a": 1, "a": 2, ' + HALF_A_PAIR + b"}"),
    "text, then identity": Offence((422, "INVALID_UNICODE"), b'{"orchestratorId": "orch-2", ' + HALF_A_PAIR + b"}"),
    "identity, then fields": Offence((403, "ORCHESTRATOR_MISMATCH"), {"orchestratorId": "orch-2", "exitCode": "0"}),
    "fields, then timestamp": Offence((400, "VALIDATION_INVALID_PARAMS"), {"exitCode": "0", "timestamp": FAR_OFF}),
    "timestamp, then job": Offence((400, "TIMESTAMP_OUT_OF_RANGE"), {"exitCode": 0, "timestamp": FAR_OFF}, path=UNKNOWN),
    "job, then lease token": Offence((404, "JOB_NOT_FOUND"), {"exitCode": 0, "leaseToken": FORGED}, path=UNKNOWN),
    "lease token, then replay": Offence((409, "LEASE_LOST"), {**FINISHED, "leaseToken": FORGED}, finished),
    "replay, then finish": Offence((200, "replayed"), FINISHED, finished),
    "finish, then lease": Offence((409, "ALREADY_FINISHED"), {"exitCode": 3}, finished_and_claimed_by_another),
    "holder, then expiry": Offence((403, "NOT_JOB_OWNER"), {"exitCode": 0}, lapsed, headers={"X-Orchestrator-ID": "orch-3"}),
    "claim, then expiry": Offence(
        (409, "LEASE_LOST"), {"exitCode": 0}, given_back_and_lapsed_with_another, headers={"X-Lease-Token": "old"}
    ),
    "expiry, then conflict": Offence((409, "LEASE_EXPIRED"), {"exitCode": 0, "expectedUpdatedAt": STALE}, lapsed),
    "conflict, then transition": Offence((409, "CONFLICT"), {"status": "queued", "expectedUpdatedAt": STALE}, path="/jobs/{id}/status"),
}


@pytest.mark.parametrize("offence", NEIGHBOURS.values(), ids=NEIGHBOURS)
def test_the_earlier_of_two_checks_answers(db: None, settings: Any, offence: Offence) -> None:
    settings.REPORT_BODY_LIMIT = 500
    job = offence.job()
    before = Job.objects.filter(id=job.id).values("status", "result", "attempts", "updated_at").get()
    answer = send_raw(job, offence.body, offence.headers, offence.path)

    told = answer.json()
    code = told["error"]["code"] if "error" in told else "replayed" if told.get("replayed") else "taken"
    assert (answer.status_code, code) == offence.answer
    assert Job.objects.filter(id=job.id).values("status", "result", "attempts", "updated_at").get() == before


def test_each_of_the_later_ones_answers_when_nothing_offends_before_it(api: Any) -> None:
    """So that the table above proves an order, not that the later check is missing."""
    job = JobFactory(status="running")
    past = times.written(now() - timedelta(days=1))
    path = f"/jobs/{job.id}"
    assert send(api, "post", f"{path}/complete", {"exitCode": 0, "timestamp": past}).json()["error"]["code"] == "TIMESTAMP_OUT_OF_RANGE"
    assert send(api, "post", "/jobs/job_nope/complete", {"exitCode": 0}).json()["error"]["code"] == "JOB_NOT_FOUND"
    assert send(api, "post", f"{path}/complete", {"exitCode": 0, "expectedUpdatedAt": STALE}).json()["error"]["code"] == "CONFLICT"
    assert send(api, "put", f"{path}/status", {"status": "queued"}).json()["error"]["code"] == "INVALID_TRANSITION"


def send_raw(job: Job, body: Any, headers: dict[str, str], path: str) -> Any:
    """A call as HOLDER; `old` as a lease token stands for that of claim 1."""
    sent = HEADERS | headers
    if sent.get("X-Lease-Token") == "old":
        sent["X-Lease-Token"] = leases.token_of(Job(id=job.id, epoch=1, orchestrator_id=HOLDER.name))
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    # Of a call with a body Django's client takes the type as an argument, of one without as a header.
    kind = sent.pop("Content-Type") if content else ""
    method = "PUT" if path.endswith("/status") else "POST"
    return Client().generic(method, BASE + path.format(id=job.id), content, kind, headers=sent)
