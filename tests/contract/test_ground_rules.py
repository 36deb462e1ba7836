"""Section 1 of the contract, where no other test holds its sentences."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from rest_framework.test import APIClient

from jobs import leases, times
from jobs.models import AuditEntry, Job, LeaseKey
from tests.factories import HOLDER, STAFF, JobFactory, claimed
from tests.orchestration_api.test_refusals import database_away
from tests.orchestration_api.wire import BASE, assert_error, is_time, send
from tests.postgres import API_KEY

_CAMEL = re.compile(r"[a-z][a-z0-9]*([A-Z][a-z0-9]*)*")


@pytest.fixture
def answers(api: APIClient) -> dict[str, Any]:
    """One answer of each kind, by path."""
    job = JobFactory(status="running", payload={"any Key": 1}, max_attempts=2)
    send(api, "post", f"/jobs/{job.id}/logs", {"entries": [{"sequence": 0, "stream": "stdout", "line": "x"}]})
    made = [("put", f"/jobs/{job.id}/status", {"status": "running"}), ("post", "/orchestrator/heartbeat", {"runningJobs": [job.id]})]
    read = [f"/jobs/{job.id}{rest}" for rest in ("", "/history", "/attempts", "/logs")] + ["/jobs", "/jobs/orphaned", "/orchestrator/me"]
    told = {path: send(api, method, path, body) for method, path, body in made} | {path: send(api, "get", path) for path in read}
    return {path: answer.json() for path, answer in told.items() if answer.status_code == 200}


def keys_of(value: Any, *, parent: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of an answer with its value, but those inside of what callers sent."""
    if isinstance(value, dict) and parent not in ("payload", "metadata", "metrics", "result", "detail"):
        for key, inner in value.items():
            yield key, inner
            yield from keys_of(inner, parent=key)
    elif isinstance(value, list):
        for item in value:
            yield from keys_of(item, parent=parent)


def test_keys_are_in_camel_case(answers: dict[str, Any]) -> None:
    assert len(answers) == 9
    assert all(_CAMEL.fullmatch(key) for key, _ in keys_of(list(answers.values())))


def test_durations_are_whole_seconds_and_say_so(answers: dict[str, Any]) -> None:
    durations = [(key, value) for key, value in keys_of(list(answers.values())) if key.endswith("Seconds")]

    assert {key for key, _ in durations} == {"timeoutSeconds", "heartbeatSeconds"}
    assert all(type(value) is int for _, value in durations)


def test_times_are_written_in_utc_with_six_decimals(answers: dict[str, Any]) -> None:
    moments = [
        value
        for key, value in keys_of(list(answers.values()))
        if value is not None and (key.endswith(("At", "After", "For", "Until")) or key in ("at", "timestamp"))
    ]

    assert len(moments) > 20
    assert [value for value in moments if not is_time(value) and not isinstance(value, int)] == []


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2027-01-02T03:04:05Z", "2027-01-02T03:04:05.000000Z"),
        ("2027-01-02T03:04:05.123456789+05:30", "2027-01-01T21:34:05.123456Z"),
        ("2027-01-02t03:04:05.5z", "2027-01-02T03:04:05.500000Z"),
        ("2027-01-01T23:04:05-04:00", "2027-01-02T03:04:05.000000Z"),
    ],
)
def test_times_are_read_with_any_offset_and_up_to_nine_decimals(api: APIClient, sent: str, meant: str) -> None:
    job = send(api, "post", "/jobs", {"type": "t", "payload": None, "scheduledFor": sent}).json()["job"]

    assert job["scheduledFor"] == meant


@pytest.mark.parametrize("sent", ["2027-01-02T03:04:05", "2027-01-02", "2027-01-02T03:04:05.1234567890Z", "1798858800", ""])
def test_a_time_without_offset_or_with_more_decimals_is_refused(api: APIClient, sent: str) -> None:
    details = assert_error(
        send(api, "post", "/jobs", {"type": "t", "payload": None, "scheduledFor": sent}), 400, "VALIDATION_INVALID_PARAMS"
    )

    assert list(details["fields"]) == ["scheduledFor"]


def test_what_a_client_says_of_the_time_decides_nothing(api: APIClient) -> None:
    job = JobFactory(status="claimed")
    stated = (datetime.now(UTC) + timedelta(seconds=200)).replace(microsecond=0)
    before = times.now()
    told = send(api, "put", f"/jobs/{job.id}/status", {"status": "running", "timestamp": stated.isoformat()}).json()["job"]
    entry = send(api, "get", f"/jobs/{job.id}/history").json()["entries"][-1]

    assert before <= times.read(told["startedAt"]) < stated
    assert times.read(entry["at"]) == times.read(told["startedAt"])
    assert times.read(entry["statedAt"]) == stated


@pytest.mark.parametrize(
    "name", ["orchestratorId", "timestamp", "status", "exitCode", "output", "error", "category", "items", "leaseToken"]
)
def test_null_means_absent_in_a_report(api: APIClient, name: str) -> None:
    job = JobFactory(status="running")
    body: dict[str, Any] = {"exitCode": 0, "output": "x"} | {name: None}

    assert send(api, "post", f"/jobs/{job.id}/complete", body).json()["job"]["status"] == "completed"


def test_null_is_a_value_of_its_own_in_what_belongs_to_the_caller(api: APIClient) -> None:
    made = send(api, "post", "/jobs", {"type": "t", "payload": None, "metadata": {"team": None}, "scheduledFor": None}).json()["job"]
    job = JobFactory(status="running")
    send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "metrics": {"peak": None}})

    assert (made["payload"], made["metadata"]) == (None, {"team": None})
    assert send(api, "get", f"/jobs/{job.id}").json()["result"] == {"exitCode": 0, "metrics": {"peak": None}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("priority", "5"),
        ("priority", 5.0),
        ("priority", True),
        ("maxAttempts", "1"),
        ("timeoutSeconds", 1.5),
        ("metadata", []),
        ("type", 7),
    ],
)
def test_a_field_of_the_wrong_type_is_named_and_not_coerced(api: APIClient, name: str, value: Any) -> None:
    details = assert_error(send(api, "post", "/jobs", {"type": "t", "payload": 1} | {name: value}), 400, "VALIDATION_INVALID_PARAMS")

    assert list(details["fields"]) == [name]
    assert Job.objects.count() == 0


def test_either_of_two_service_keys_opens_the_door_for_any_orchestrator(db: None) -> None:
    other = "the-key-that-is-being-replaced-0123456789"
    with override_settings(INTERNAL_API_KEYS=[API_KEY, other]):
        for number, key in enumerate((API_KEY, other)):
            caller = APIClient(headers={"Authorization": f"Bearer {key}", "X-Orchestrator-ID": f"orch-{number}"})
            assert send(caller, "get", "/orchestrator/me").json()["orchestratorId"] == f"orch-{number}"
            assert send(caller, "get", "/orchestrator/me").json()["scopes"] == ["orchestrate", "enqueue", "read", "manage"]


def test_a_session_opens_nothing_here_and_a_token_opens_no_page(db: None) -> None:
    User.objects.create_superuser("anna", password="a long enough password")
    person = Client()
    assert person.login(username="anna", password="a long enough password")

    assert person.get(f"{BASE}/jobs", HTTP_ACCEPT="text/html").status_code == 401
    page = Client(headers={"Authorization": f"Bearer {API_KEY}"}).get("/admin/jobs/job/")
    assert (page.status_code, page["Location"].split("?")[0]) == (302, "/admin/login/")


def test_there_is_no_browsable_api(api: APIClient) -> None:
    answer = api.get(f"{BASE}/jobs", headers={"Accept": "text/html"})

    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_the_token_of_a_claim_is_the_same_wherever_it_is_told(api: APIClient) -> None:
    JobFactory()
    (claim,) = send(api, "post", "/jobs/claim").json()["jobs"]
    token = claim["lease"]["token"]
    acknowledged = send(api, "post", f"/jobs/{claim['id']}/acknowledge").json()["lease"]
    renewed = send(api, "post", f"/jobs/{claim['id']}/lease/renew", {"renewalToken": token}).json()["lease"]
    (orphaned,) = send(api, "get", "/jobs/orphaned").json()

    assert {acknowledged["token"], acknowledged["renewalToken"], renewed["token"], orphaned["lease"]["token"]} == {token}
    assert re.fullmatch(r"1\.[A-Za-z0-9_-]{22}", token)


def test_a_token_is_of_its_job_its_epoch_and_its_orchestrator(api: APIClient) -> None:
    first, second = JobFactory(status="running"), JobFactory(status="running")
    token = leases.token_of(first)

    assert_error(send(api, "post", f"/jobs/{second.id}/complete", {"exitCode": 0}, X_Lease_Token=token), 409, "LEASE_LOST")
    first.release(by=HOLDER)
    again = claimed(first)
    assert leases.token_of(again) != token
    assert_error(send(api, "post", f"/jobs/{first.id}/complete", {"exitCode": 0}, X_Lease_Token=token), 409, "LEASE_LOST")


def test_a_new_key_signs_later_claims_and_leaves_the_tokens_of_earlier_ones_as_they_were(api: APIClient) -> None:
    earlier, later = JobFactory(status="running"), JobFactory(status="running")
    assert earlier.claimed_at
    token = leases.token_of(earlier)
    leases.add_key(by=STAFF)
    leases._keys.cache_clear()
    assert leases.token_of(earlier) == token
    assert AuditEntry.objects.filter(subject_type="lease_key", action="rotate", actor=STAFF.name).count() == 1
    # As if a minute had passed: by now every server has read the new key.
    LeaseKey.objects.filter(id=LeaseKey.objects.latest("id").id).update(created_at=earlier.claimed_at + timedelta(microseconds=1))
    moment = LeaseKey.objects.latest("id").created_at + timedelta(seconds=2 * leases.KEYS_REMEMBERED_SECONDS)
    leases._keys.cache_clear()
    later.claimed_at = moment
    new = leases.token_of(later)
    later.claimed_at = moment - timedelta(microseconds=1)

    assert new != leases.token_of(later)
    assert send(api, "post", f"/jobs/{later.id}/complete", {"exitCode": 0}, X_Lease_Token=new).status_code == 200
    assert send(api, "post", f"/jobs/{earlier.id}/complete", {"exitCode": 0}, X_Lease_Token=token).status_code == 200
    leases._keys.cache_clear()


def test_every_answer_forbids_keeping_it_and_carries_its_request_id(api: APIClient) -> None:
    job = JobFactory(status="running")
    paths = [
        "/jobs",
        f"/jobs/{job.id}",
        "/jobs/nothing",
        "/nowhere",
        "/jobs?pageSize=0",
        f"/jobs/{job.id}/logs.txt",
        "/orchestrator/health",
    ]
    for path in paths:
        answer = send(api, "get", path)
        assert answer["Cache-Control"] == "no-store", path
        assert answer["X-Request-ID"], path


def test_an_unforeseen_fault_tells_nothing_of_itself(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "select password from users"

    def fail(*arguments: object) -> None:
        raise RuntimeError(secret)

    monkeypatch.setattr("jobs.statistics.counts", fail)
    answer = send(api, "get", "/jobs/stats")

    assert_error(answer, 500, "INTERNAL_ERROR")
    assert secret not in answer.content.decode()


def test_an_outage_says_when_to_come_again_and_shows_no_sql(api: APIClient) -> None:
    with database_away():
        answer = send(api, "get", "/jobs")

    assert_error(answer, 503, "SERVICE_UNAVAILABLE")
    assert int(answer["Retry-After"]) > 0
    assert "select" not in answer.content.decode().lower()
