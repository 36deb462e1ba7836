"""What bad input gets: the one error shape, never a 5xx, nothing written."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest
from django.db import OperationalError, connection
from django.test import override_settings
from rest_framework.test import APIClient

from jobs.models import AuditEntry, Job
from orchestration_api.tracing import RequestIdFilter
from tests.factories import JobFactory
from tests.orchestration_api.endpoints import ENDPOINTS, NEEDS_BODY, WRITING
from tests.orchestration_api.wire import BASE, assert_error, send
from tests.postgres import API_KEY


def everything() -> tuple[Any, ...]:
    """Every row that a call could change."""
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(md5(string_agg(j::text, '|' order by id)), '') from jobs j")
        jobs = cursor.fetchone()
        cursor.execute("select count(*), max(id) from audit_log")
        entries = cursor.fetchone()
        cursor.execute("select coalesce(md5(string_agg(o::text, '|' order by id)), '') from bulk_operations o")
        operations = cursor.fetchone()
        cursor.execute("select count(*) from log_lines")
        return jobs, entries, operations, cursor.fetchone()


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
@pytest.mark.parametrize(
    "authorization", [None, "Bearer nope", "Bearer", "Basic dXNlcjpwYXNz", f"Bearer {API_KEY}x", f"Bearer {API_KEY} x", "Bearer ä"]
)
def test_without_a_valid_token_there_is_nothing(db: None, method: str, path: str, authorization: str | None) -> None:
    job = JobFactory(status="running")
    before = everything()
    stranger = APIClient(headers={"X-Orchestrator-ID": "orch-1"} | ({"Authorization": authorization} if authorization else {}))
    answer = send(stranger, method, path.format(id=job.id), None if method == "get" else {})

    assert_error(answer, 401, "AUTH_INVALID_TOKEN")
    assert API_KEY not in answer.content.decode()
    assert everything() == before


BAD_BODIES = [
    (b"{", 400, "VALIDATION_INVALID_PARAMS"),
    (b"[1, 2]", 400, "VALIDATION_INVALID_PARAMS"),
    (b'"text"', 400, "VALIDATION_INVALID_PARAMS"),
    (b"null", 400, "VALIDATION_INVALID_PARAMS"),
    (b'{"a": 1, "a": 2}', 400, "VALIDATION_INVALID_PARAMS"),
    (b'{"a": NaN}', 400, "VALIDATION_INVALID_PARAMS"),
    (b'{"a": Infinity}', 400, "VALIDATION_INVALID_PARAMS"),
    (b'{"a": 1e999}', 400, "VALIDATION_INVALID_PARAMS"),
    (b'{"a": 9223372036854775808}', 400, "VALIDATION_INVALID_PARAMS"),
    (b'{"a": ' + b"9" * 5000 + b"}", 400, "VALIDATION_INVALID_PARAMS"),
    (b'{"a": "\xff"}', 400, "VALIDATION_INVALID_PARAMS"),
    (b'{"a":' * 65 + b"1" + b"}" * 65, 400, "VALIDATION_INVALID_PARAMS"),
    (b"[" * 100_000, 400, "VALIDATION_INVALID_PARAMS"),
    (b'{"a\\u0000": 1}', 422, "INVALID_UNICODE"),
    (b'{"reason": "\\ud800", "orchestratorId": "\\u0000"}', 422, "INVALID_UNICODE"),
]


@pytest.mark.parametrize(("method", "path"), WRITING)
@pytest.mark.parametrize(("body", "status", "code"), BAD_BODIES)
def test_a_body_that_is_not_what_it_should_be_is_refused(
    api: APIClient, method: str, path: str, body: bytes, status: int, code: str
) -> None:
    job = JobFactory(status="running")
    before = everything()
    answer = getattr(api, method)(BASE + path.format(id=job.id), body, content_type="application/json")

    assert_error(answer, status, code)
    assert everything() == before


@pytest.mark.parametrize(("method", "path"), NEEDS_BODY)
def test_an_empty_body_is_refused_where_an_object_is_needed(api: APIClient, method: str, path: str) -> None:
    job = JobFactory(status="running")
    before = everything()

    assert_error(
        getattr(api, method)(BASE + path.format(id=job.id), b"", content_type="application/json"), 400, "VALIDATION_INVALID_PARAMS"
    )
    assert everything() == before


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "application/xml"]
)
def test_another_content_type_or_charset_is_refused(api: APIClient, content_type: str) -> None:
    job = JobFactory(status="running")

    assert_error(api.post(f"{BASE}/jobs/{job.id}/complete", b'{"exitCode": 0}', content_type=content_type), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert Job.objects.get(id=job.id).status == "running"


def test_a_content_encoding_is_refused(api: APIClient) -> None:
    job = JobFactory(status="running")
    answer = api.post(
        f"{BASE}/jobs/{job.id}/complete", b'{"exitCode": 0}', content_type="application/json", headers={"Content-Encoding": "gzip"}
    )

    assert_error(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_charset_of_utf_8_is_taken(api: APIClient) -> None:
    job = JobFactory(status="running")

    assert api.post(f"{BASE}/jobs/{job.id}/complete", b'{"exitCode": 0}', content_type="application/json; charset=UTF-8").status_code == 200


@override_settings(BODY_LIMIT=100, BATCH_BODY_LIMIT=200, REPORT_BODY_LIMIT=300)
@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/jobs/x/acknowledge", 100),
        ("/jobs", 200),
        ("/jobs/status", 200),
        ("/jobs/x/logs", 200),
        ("/jobs/x/complete", 300),
        ("/jobs/x/fail", 300),
    ],
)
def test_a_body_over_its_limit_is_refused_before_parsing(api: APIClient, path: str, limit: int) -> None:
    details = assert_error(api.post(BASE + path, b"{" * (limit + 1), content_type="application/json"), 413, "PAYLOAD_TOO_LARGE")

    assert details["limit"] == limit


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "/jobs/queue"), ("post", "/jobs/x/acknowledge"), ("post", "/orchestrator/heartbeat"), ("get", "/jobs/orphaned")],
)
def test_an_orchestrator_must_say_who_it_is(api: APIClient, method: str, path: str) -> None:
    anonymous = APIClient(headers={"Authorization": f"Bearer {API_KEY}"})

    assert_error(send(anonymous, method, path, None if method == "get" else {}), 400, "ORCHESTRATOR_ID_REQUIRED")
    assert_error(send(api, method, path, None if method == "get" else {}, X_Orchestrator_ID="a b"), 400, "VALIDATION_INVALID_PARAMS")
    assert_error(send(api, method, path, None if method == "get" else {}, X_Orchestrator_ID="x" * 129), 400, "VALIDATION_INVALID_PARAMS")


def test_the_body_says_who_it_is_where_the_header_is_missing(db: None) -> None:
    job = JobFactory(status="running")
    anonymous = APIClient(headers={"Authorization": f"Bearer {API_KEY}"})

    assert send(anonymous, "post", f"/jobs/{job.id}/acknowledge", {"orchestratorId": "orch-1"}).status_code == 200


def test_an_identity_of_a_wrong_type_is_told_as_a_field_and_not_as_missing(db: None) -> None:
    anonymous = APIClient(headers={"Authorization": f"Bearer {API_KEY}"})
    details = assert_error(send(anonymous, "post", "/jobs/claim", {"orchestratorId": 5}), 400, "VALIDATION_INVALID_PARAMS")

    assert details["fields"] == {"orchestratorId": ["must be a string"]}


def test_two_identities_in_one_request_are_refused(api: APIClient) -> None:
    job = JobFactory(status="running")

    assert_error(send(api, "post", f"/jobs/{job.id}/complete", {"orchestratorId": "orch-2", "exitCode": 0}), 403, "ORCHESTRATOR_MISMATCH")


@pytest.mark.parametrize(
    "body",
    [
        {"status": "sleeping"},
        {"status": 5},
        {"status": "completed", "details": []},
        {"status": "failed", "details": {"exitCode": "1"}},
        {"status": "failed", "details": {"error": 5}},
        {"status": "failed", "details": {"error": {"message": 5}}},
        {"status": "completed", "timestamp": "now"},
        {"status": "completed", "timestamp": "2026-11-23T10:00:00"},
        {"status": "completed", "details": {"output": 5}},
        {"status": "completed", "timestamp": 5},
    ],
)
def test_a_status_report_with_a_wrong_field_is_refused(api: APIClient, body: dict[str, Any]) -> None:
    job = JobFactory(status="running")
    before = everything()
    details = assert_error(send(api, "put", f"/jobs/{job.id}/status", body), 400, "VALIDATION_INVALID_PARAMS")

    assert details["fields"]
    assert everything() == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("status", {}),
        ("fail", {}),
        ("fail", {"error": ""}),
        ("fail", {"error": {}}),
        ("fail", {"error": None}),
        ("complete", {}),
        ("logs", {}),
    ],
)
def test_a_missing_field_is_named(api: APIClient, path: str, body: dict[str, Any]) -> None:
    job = JobFactory(status="running")
    details = assert_error(
        send(api, "put" if path == "status" else "post", f"/jobs/{job.id}/{path}", body), 400, "VALIDATION_MISSING_FIELD"
    )

    assert details["fields"]


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/jobs/x/y/z", "/socket", "/jobs/"])
def test_an_unknown_address_is_not_found(api: APIClient, path: str) -> None:
    assert_error(send(api, "get", path), 404, "RESOURCE_NOT_FOUND")


def test_an_unknown_method_is_told_the_known_ones(api: APIClient) -> None:
    answer = send(api, "delete", "/jobs")

    assert_error(answer, 405, "METHOD_NOT_ALLOWED")
    assert "POST" in answer["Allow"]


def test_the_caller_s_request_id_is_kept_if_it_is_one(api: APIClient) -> None:
    assert send(api, "get", "/orchestrator/health", X_Request_ID="abc-1:2.3_4")["X-Request-ID"] == "abc-1:2.3_4"
    assert send(api, "get", "/orchestrator/health", X_Request_ID="not one")["X-Request-ID"] != "not one"


def test_a_report_for_a_job_that_is_not_there_is_not_found(api: APIClient) -> None:
    assert_error(send(api, "post", "/jobs/job_nope/acknowledge"), 404, "JOB_NOT_FOUND")
    assert_error(send(api, "post", "/jobs/job_nope/complete", {"exitCode": 0}, X_Lease_Token="1.x"), 404, "JOB_NOT_FOUND")


def test_reading_changes_nothing(api: APIClient) -> None:
    job = JobFactory(status="running")
    before = everything()
    for method, path in ENDPOINTS:
        if method == "get" and path != "/jobs/queue":
            for verb in ("get", "head", "options"):
                send(api, verb, path.format(id=job.id))
    assert everything() == before
    assert AuditEntry.objects.filter(job_id=job.id).count() == 3


@pytest.mark.parametrize("path", ["/jobs", "/jobs/claim", "/orchestrator/health"])
def test_options_are_not_told(api: APIClient, path: str) -> None:
    answer = send(api, "options", path)

    assert_error(answer, 405, "METHOD_NOT_ALLOWED")
    assert "OPTIONS" not in answer["Allow"]


def test_every_line_of_the_log_carries_the_id_of_its_request(api: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(RequestIdFilter())
    with database_away():
        answer = send(api, "get", "/orchestrator/health", X_Request_ID="find-me")

    assert_error(answer, 503, "SERVICE_UNAVAILABLE")
    assert {vars(record)["request_id"] for record in caplog.records} == {"find-me"}
    logging.getLogger("jobs").warning("outside of any request")
    assert vars(caplog.records[-1])["request_id"] == "-"


@override_settings(SECURE_SSL_REDIRECT=True)
@pytest.mark.parametrize("path", ["/api/internal/jobs", "/api/internal/orchestrator/health", "/jobs/job_x/release"])
def test_plain_http_is_refused_where_https_is_asked_for_and_never_redirected(api: APIClient, path: str) -> None:
    assert_error(api.post(path, {}, format="json"), 403, "AUTHZ_INSUFFICIENT_PERMISSIONS")
    assert api.post(path, {}, format="json", secure=True).status_code != 403
    assert Job.objects.count() == 0


@contextmanager
def database_away() -> Iterator[None]:
    """Every statement fails as when the database is away."""

    def refuse(*arguments: object) -> NoReturn:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(refuse):
        yield
