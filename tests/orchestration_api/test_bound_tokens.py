"""Tokens that speak for one orchestrator: they imply it, prove each claim, stamp each report, and see nothing of what they never held."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs import leases, times
from jobs.models import Job, Orchestrator
from tests.factories import HOLDER, OTHER, JobFactory, claimed
from tests.orchestration_api.access import CALLS, Call, body_for, token
from tests.orchestration_api.test_refusals import everything
from tests.orchestration_api.wire import assert_error, send

pytestmark = pytest.mark.django_db
REPORTS = {route: call for route, call in CALLS.items() if call.row == "report"}
each_report = pytest.mark.parametrize(("route", "call"), REPORTS.items())
Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def bound() -> APIClient:
    """Called with a token of orch-1."""
    client = APIClient(headers={"Authorization": f"Bearer {token('orchestrate', orchestrator_id=HOLDER.name)}"})
    client.raise_request_exception = False
    return client


def proofs(job: Job, *without: str) -> dict[str, str]:
    all_of_them = {"X_Lease_Token": leases.token_of(job), "X_Request_Timestamp": times.written(times.now())}
    return {name: value for name, value in all_of_them.items() if name not in without}


def test_the_token_says_who_it_is(bound: APIClient) -> None:
    job = JobFactory()
    claim = send(bound, "post", "/jobs/claim", {}).json()

    assert [won["id"] for won in claim["jobs"]] == [job.id]
    assert Job.objects.get(id=job.id).orchestrator_id == HOLDER.name
    assert send(bound, "get", "/orchestrator/me").json()["orchestratorId"] == HOLDER.name
    assert [held["id"] for held in send(bound, "get", "/jobs/orphaned").json()] == [job.id]


@pytest.mark.parametrize(("method", "path"), [route for route, call in CALLS.items() if call.row in ("report", "orchestrate")])
def test_a_header_or_a_body_that_names_another_is_refused(bound: APIClient, method: str, path: str) -> None:
    call = CALLS[method, path]
    job = JobFactory(status=call.status)
    body, path = body_for(call, job), path.format(id=job.id)
    before = everything()

    assert_error(send(bound, method.lower(), path, body, X_Orchestrator_ID=OTHER.name, **proofs(job)), 403, "ORCHESTRATOR_MISMATCH")
    if method != "GET":
        named = {**body, "orchestratorId": OTHER.name}
        assert_error(send(bound, method.lower(), path, named, **proofs(job)), 403, "ORCHESTRATOR_MISMATCH")
    assert everything() == before
    assert send(bound, method.lower(), path, body, X_Orchestrator_ID=HOLDER.name, **proofs(job)).status_code == 200


def test_orphaned_asked_with_another_id_in_the_query_tells_the_tokens_own(bound: APIClient) -> None:
    mine, theirs = JobFactory(status="running"), JobFactory(status="running", holder=OTHER)
    told = send(bound, "get", f"/jobs/orphaned?orchestratorId={OTHER.name}").json()

    assert [job["id"] for job in told] == [mine.id]
    assert theirs.id not in str(told)


# (A renewal has its token in a field of its own, without which it is none.)
@pytest.mark.parametrize(("route", "call"), [(route, call) for route, call in REPORTS.items() if "renewalToken" not in call.body])
def test_a_report_without_the_lease_token_is_refused(bound: APIClient, route: tuple[str, str], call: Call) -> None:
    job = JobFactory(status=call.status)
    before = everything()
    answer = send(bound, route[0].lower(), route[1].format(id=job.id), call.body, **proofs(job, "X_Lease_Token"))

    assert_error(answer, 428, "LEASE_TOKEN_REQUIRED")
    assert everything() == before


@each_report
def test_a_report_without_a_time_is_refused_and_says_so(bound: APIClient, route: tuple[str, str], call: Call) -> None:
    job = JobFactory(status=call.status)
    before = everything()
    body, path = body_for(call, job), route[1].format(id=job.id)
    details = assert_error(send(bound, route[0].lower(), path, body, **proofs(job, "X_Request_Timestamp")), 400, "VALIDATION_MISSING_FIELD")

    assert list(details["fields"]) == ["timestamp"]
    assert everything() == before
    stamped = {**body, "timestamp": datetime.now(UTC).isoformat()}
    assert send(bound, route[0].lower(), path, stamped, **proofs(job, "X_Request_Timestamp")).status_code == 200


@each_report
def test_a_job_it_never_held_is_none_with_a_token_or_without(bound: APIClient, route: tuple[str, str], call: Call) -> None:
    job = JobFactory(status=call.status, holder=OTHER)
    before = everything()
    for without in ("", "X_Lease_Token"):
        answer = send(bound, route[0].lower(), route[1].format(id=job.id), body_for(call, job), **proofs(job, without))
        assert_error(answer, 404, "JOB_NOT_FOUND")
    assert everything() == before


def test_a_job_it_once_held_is_one_it_may_still_read_and_is_refused_as_such(bound: APIClient) -> None:
    job = JobFactory(status="claimed")
    old = proofs(job)
    job.release(by=HOLDER)
    claimed(job, OTHER)

    assert_error(send(bound, "post", f"/jobs/{job.id}/acknowledge", {}, **old), 409, "LEASE_LOST")
    assert_error(send(bound, "post", f"/jobs/{job.id}/acknowledge", {}, **proofs(job)), 409, "LEASE_LOST")
    for path in ("", "/history", "/attempts", "/logs", "/logs.txt"):
        assert send(bound, "get", f"/jobs/{job.id}{path}").status_code == 200


def test_a_bare_id_in_a_heartbeat_is_not_renewed(bound: APIClient) -> None:
    bare, proven = JobFactory(status="running"), JobFactory(status="running")
    named = [bare.id, {"jobId": proven.id, "leaseToken": leases.token_of(proven)}]
    told = send(bound, "post", "/orchestrator/heartbeat", {"runningJobs": named}).json()

    assert [lease["jobId"] for lease in told["leases"]] == [proven.id]
    assert told["abandon"] == []


def test_whoever_reports_without_a_lease_token_is_noted_as_unfenced_once_a_minute(api: APIClient, sql: Sql) -> None:
    job, other = (JobFactory(status="claimed", holder=HOLDER.of("orch-unfenced")) for _ in range(2))
    fenced = {"X_Orchestrator_ID": "orch-unfenced", "X_Lease_Token": leases.token_of(job)}
    send(api, "post", f"/jobs/{job.id}/acknowledge", {}, **fenced)
    assert Orchestrator.objects.get(id="orch-unfenced").last_unfenced_at is None

    assert send(api, "post", f"/jobs/{job.id}/acknowledge", {}, X_Orchestrator_ID="orch-unfenced").status_code == 200
    noted = Orchestrator.objects.get(id="orch-unfenced").last_unfenced_at
    assert noted
    assert send(api, "post", f"/jobs/{other.id}/acknowledge", {}, X_Orchestrator_ID="orch-unfenced").status_code == 200
    assert Orchestrator.objects.get(id="orch-unfenced").last_unfenced_at == noted
