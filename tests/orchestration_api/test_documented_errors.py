"""Every operation of the OpenAPI document succeeds, and answers every error that it names there, in the shape that stands there."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from jobs import leases, triage
from jobs.bulk import MOST
from jobs.enqueueing import MOST_AT_ONCE, NewJob, enqueue
from jobs.lifecycle import Status
from jobs.models import Job, Scope
from jobs.outcomes import Report
from orchestration_api.exceptions import STATUS_OF
from orchestration_api.openapi.document import text
from orchestration_api.openapi.operation import Operation
from orchestration_api.openapi.table import OPERATIONS
from tests.factories import HOLDER, OTHER, PRODUCER, STAFF, JobFactory, grouped
from tests.orchestration_api import access
from tests.postgres import API_KEY

DOCUMENT: dict[str, Any] = json.loads(text())
# What a job is like when the operation succeeds. (Reports speak of a running one, readers here of a completed one.)
SUITABLE = {
    "acknowledge": Status.CLAIMED,
    "editJob": Status.QUEUED,
    "cancelJob": Status.QUEUED,
    "retryJob": Status.FAILED,
}
# The state in which a bulk operation is then; running, where it does not matter.
CONDUCTED = {"confirmBulkOperation": "preview", "resumeBulkOperation": "paused"}
# With which it is too late.
TOO_LATE = {"confirmBulkOperation": "stopped"}
UNSUITABLE = {"editJob": Status.RUNNING, "cancelJob": Status.COMPLETED, "retryJob": Status.QUEUED, "runAgain": Status.QUEUED}
# Bodies in which something is missing, of operations that take an empty one.
INCOMPLETE = {"heartbeat": {"runningJobs": [{}]}, "claim": {"jobTypes": [None]}}
# A bound token alone must say something with them: when it sent this.
WITHOUT_FIELDS = {"acknowledge", "release", "releaseWithoutBasePath"}
# Errors that are documented and not provoked here, and why.
NOT_PROVOKED = {
    "INTERNAL_ERROR": "it would be a mistake of ours",
    "SERVICE_UNAVAILABLE": "has a test of its own, for all operations at once",
    "appendLogs-ALREADY_FINISHED": "only long after the run: until then its lines are welcome",
    "appendLogs-LEASE_EXPIRED": "only long after the lease: until then its lines are welcome",
}
# Addresses that wrong tokens come from: one that sent too many is remembered.
ADDRESSES = (f"2001:db8:0:{number:x}::1" for number in count())
# It knows who calls without asking.
WITHOUT_DATABASE = {"whoAmI"}


@dataclass
class Call:
    """A call that succeeds, until a provocation spoils it."""

    operation: Operation
    job: Job
    id: str
    body: Any
    headers: dict[str, str]
    method: str
    path: str
    query: str = ""
    kind: str = "application/json"
    content: str | None = None
    address: str = "127.0.0.1"
    settings: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, operation: Operation, status: Status | None = None) -> "Call":
        usual = {"Reporting": Status.RUNNING, "Triage": Status.FAILED}.get(operation.tag, Status.COMPLETED)
        job = JobFactory(status=status or SUITABLE.get(operation.name, usual))
        body = copy.deepcopy(operation.example)
        if "renewalToken" in (body or {}):
            body["renewalToken"] = leases.token_of(job)
        if "updates" in (body or {}):
            body["updates"] = [{**update, "jobId": job.id, "leaseToken": leases.token_of(job)} for update in body["updates"]]
        headers = {"Authorization": f"Bearer {API_KEY}", "X-Orchestrator-ID": HOLDER.name}
        method, path = operation.address
        identifier = access.operation_in(CONDUCTED.get(operation.name, "running")).id if "/bulk-operations" in path else job.id
        if operation.tag == "Triage":
            grouped(job)
        if operation.name == "reopenFailureGroup":
            triage.resolve(str(job.fingerprint), by=STAFF)
        return cls(operation, job, identifier, body, headers, method, access.address(path, job, identifier))

    def send(self) -> Any:
        client = APIClient()
        client.raise_request_exception = False
        content = self.content if self.content is not None else "" if self.body is None else json.dumps(self.body)
        with override_settings(**self.settings):
            return client.generic(
                self.method, self.path + self.query, content, content_type=self.kind, headers=self.headers, REMOTE_ADDR=self.address
            )

    def by(self, token: str) -> None:
        """Calls with this token."""
        self.headers["Authorization"] = f"Bearer {token}"


def _no_token(call: Call) -> None:
    del call.headers["Authorization"]


def _expired_token(call: Call) -> None:
    call.by(access.expired())


def _wrong_token_too_often(call: Call) -> None:
    call.by(access.wrong_secret())
    call.address = next(ADDRESSES)
    call.settings["AUTH_FAILURES_PER_MINUTE"] = 0


def _another_scope(call: Call) -> None:
    if call.operation.scopes:
        call.by(access.token(*(set(Scope) - set(call.operation.scopes)), orchestrator_id=HOLDER.name))
    else:
        call.settings["SECURE_SSL_REDIRECT"] = True


def _nul_in_the_query(call: Call) -> None:
    call.query = "?x=%00"


def _nothing_said(call: Call) -> None:
    if call.operation.name in WITHOUT_FIELDS:
        call.by(access.token("orchestrate", orchestrator_id=HOLDER.name))
    call.body = INCOMPLETE.get(call.operation.name, {})


def _nobody(call: Call) -> None:
    del call.headers["X-Orchestrator-ID"]


def _two_names(call: Call) -> None:
    if call.operation.takes_body:
        call.body["orchestratorId"] = "somebody-else"
    else:
        call.by(access.token("orchestrate", orchestrator_id=OTHER.name))


def _old_time(call: Call) -> None:
    call.headers["X-Request-Timestamp"] = "2001-01-01T00:00:00Z"


def _somebody_else(call: Call) -> None:
    call.headers["X-Orchestrator-ID"] = OTHER.name
    _without_lease_token(call)


def _without_lease_token(call: Call) -> None:
    if "renewalToken" in call.body:
        call.body["renewalToken"] = ""


def _no_such_job(call: Call) -> None:
    call.path = call.path.replace(call.job.id, "job_nope")


def _slash_in_the_id(call: Call) -> None:
    call.path = call.path.replace(call.id, "job%2Fnope").replace(str(call.job.fingerprint), "0" * 16)


def _other_method(call: Call) -> None:
    call.method = "DELETE"


def _unsuitable_status(call: Call) -> None:
    if call.operation.name == "reportStatus":
        call.body["status"] = "queued"
    else:
        vars(call).update(vars(Call.of(call.operation, UNSUITABLE[call.operation.name])))


def _ended_before(call: Call) -> None:
    send = Call.of(OPERATIONS["POST", "/api/internal/jobs/{id}/complete"])
    send.path = send.path.replace(send.job.id, call.job.id)
    send.body["metrics"] = {"seconds": 3}
    assert send.send().status_code == 200


def _otherwise_than_expected(call: Call) -> None:
    if call.operation.name == "createJobs":
        call.body["uniqueKey"] = JobFactory(unique_key="order-42").unique_key
    elif call.operation.name == "runAgain":
        ended = JobFactory(status=Status.COMPLETED, unique_key="order-42")
        JobFactory(unique_key="order-42")
        call.path = call.path.replace(call.job.id, ended.id)
    elif call.operation.name == "createBulkOperation":
        for _ in range(MOST // MOST_AT_ONCE + 1):
            enqueue([NewJob(type="many") for _ in range(MOST_AT_ONCE)], by=PRODUCER)
        call.body["filter"] = {"type": "many"}
    elif call.operation.tag == "Bulk operations":
        call.path = call.path.replace(call.id, access.operation_in(TOO_LATE.get(call.operation.name, "done")).id)
    elif call.operation.name == "retryFailureGroup":
        call.job.retry(by=STAFF)
    elif call.operation.tag == "Triage":
        triage.resolve(str(call.job.fingerprint), by=STAFF)
    else:
        call.body["expectedUpdatedAt"] = "2001-01-01T00:00:00Z"


def _key_of_another_call(call: Call) -> None:
    other = Call.of(OPERATIONS["POST", "/api/internal/jobs"])
    other.body["type"] = "another"
    call.headers["Idempotency-Key"] = other.headers["Idempotency-Key"] = "order-42"
    assert other.send().status_code == 201


def _forged_lease_token(call: Call) -> None:
    call.headers["X-Lease-Token"] = "1.forged"


def _lease_run_out(call: Call) -> None:
    Job.objects.filter(id=call.job.id).update(lease_expires_at=datetime.now(UTC) - timedelta(seconds=1))


def _in_chunks(call: Call) -> None:
    call.content = ""
    call.headers["Transfer-Encoding"] = "chunked"


def _too_long(call: Call) -> None:
    call.settings |= dict.fromkeys(("BODY_LIMIT", "BATCH_BODY_LIMIT", "REPORT_BODY_LIMIT"), 1)


def _as_text(call: Call) -> None:
    call.kind = "text/plain"


def _nul_in_a_key(call: Call) -> None:
    call.content = r'{"\u0000": 1}'


def _tokens_required(call: Call) -> None:
    call.settings["REQUIRE_LEASE_TOKENS"] = True
    _without_lease_token(call)


def _copy_not_confirmed(call: Call) -> None:
    """The database says of every write what it says when the wait for its standby was cancelled."""
    words = "canceling wait for synchronous replication due to user request"
    with connection.cursor() as cursor:
        cursor.execute(
            f"create function in_doubt() returns trigger language plpgsql as $$ begin raise warning '{words}'; return null; end $$"
        )
        for table in ("jobs", "orchestrators", "log_lines", "failure_groups", "bulk_operations"):
            cursor.execute(f"create trigger in_doubt after insert or update on {table} execute function in_doubt()")


PROVOCATIONS: dict[str, Callable[[Call], None]] = {
    "VALIDATION_INVALID_PARAMS": _nul_in_the_query,
    "VALIDATION_MISSING_FIELD": _nothing_said,
    "ORCHESTRATOR_ID_REQUIRED": _nobody,
    "TIMESTAMP_OUT_OF_RANGE": _old_time,
    "AUTH_INVALID_TOKEN": _no_token,
    "AUTH_EXPIRED_TOKEN": _expired_token,
    "AUTHZ_INSUFFICIENT_PERMISSIONS": _another_scope,
    "ORCHESTRATOR_MISMATCH": _two_names,
    "NOT_JOB_OWNER": _somebody_else,
    "JOB_NOT_FOUND": _no_such_job,
    "RESOURCE_NOT_FOUND": _slash_in_the_id,
    "METHOD_NOT_ALLOWED": _other_method,
    "INVALID_TRANSITION": _unsuitable_status,
    "ALREADY_FINISHED": _ended_before,
    "CONFLICT": _otherwise_than_expected,
    "LEASE_LOST": _forged_lease_token,
    "LEASE_EXPIRED": _lease_run_out,
    "LENGTH_REQUIRED": _in_chunks,
    "PAYLOAD_TOO_LARGE": _too_long,
    "UNSUPPORTED_MEDIA_TYPE": _as_text,
    "INVALID_UNICODE": _nul_in_a_key,
    "IDEMPOTENCY_MISMATCH": _key_of_another_call,
    "LEASE_TOKEN_REQUIRED": _tokens_required,
    "RATE_LIMIT_EXCEEDED": _wrong_token_too_often,
    "OUTCOME_UNKNOWN": _copy_not_confirmed,
}
DOCUMENTED = [(operation, code) for operation in OPERATIONS.values() for code in operation.codes]
PROVOKED = [pair for pair in DOCUMENTED if not {pair[1], f"{pair[0].name}-{pair[1]}"} & NOT_PROVOKED.keys()]


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_an_operation_succeeds_as_documented(db: None, operation: Operation) -> None:
    answer = Call.of(operation).send()

    assert answer.status_code in operation.answers, answer.content
    _assert_documented(operation, answer)


@pytest.mark.parametrize(("operation", "code"), PROVOKED, ids=[f"{operation.name}-{code}" for operation, code in PROVOKED])
def test_an_error_is_answered_as_documented(db: None, operation: Operation, code: str) -> None:
    call = Call.of(operation)
    PROVOCATIONS[code](call)
    answer = call.send()

    assert (answer.status_code, answer.json()["error"]["code"]) == (STATUS_OF[code], code), answer.content
    _assert_documented(operation, answer)


def test_a_batch_tells_of_each_item_as_documented_whatever_it_is(db: None) -> None:
    call = Call.of(OPERATIONS["POST", "/api/internal/jobs/status"])
    (report,) = call.body["updates"]
    assert call.send().json()["applied"] == 1
    changes: tuple[dict[str, Any], ...] = (
        {"leaseToken": None, "error": "\x00", "more": 1},
        {"leaseToken": None, "expectedUpdatedAt": "2001-01-01T00:00:00Z"},
        {},
    )
    others = [{**report, "jobId": JobFactory(status="running").id, **change} for change in changes]
    bad = [5, {}, {"jobId": "?" * 300, "action": "progress", "phase": "x"}, {**report, "action": "dance"}, {**report, "metrics": 1}]
    call.body = {"updates": [report, report, *others, *bad], "claim": {"jobTypes": ["none"]}, "more": 1}
    answer = call.send()
    results = answer.json()["results"]

    _assert_documented(call.operation, answer)
    assert [result["ok"] for result in results] == [True, False, True, False, False] + [False] * len(bad)
    assert [key for result in results for key in ("replayed", "ignored", "replaced") if key in result] == [
        "replayed",
        "ignored",
        "replaced",
    ]


def test_an_answer_told_shorter_is_as_documented(db: None) -> None:
    call = Call.of(OPERATIONS["GET", "/api/internal/jobs/{id}"], Status.RUNNING)
    call.job.complete(Report(exit_code=0, output={"stdout": "x" * 300_000, "stderr": ""}), by=HOLDER)
    call.settings["ANSWER_LIMIT"] = 200_000
    answer = call.send()

    _assert_documented(call.operation, answer)
    assert answer.json()["shortened"] == [{"path": "result.output.stdout", "bytes": 300_000}]


def test_a_call_sent_again_under_its_key_is_told_so_as_documented(db: None) -> None:
    call = Call.of(OPERATIONS["POST", "/api/internal/jobs"])
    call.headers["Idempotency-Key"] = "order-42"
    first, second = call.send(), call.send()

    _assert_documented(call.operation, second)
    assert second.content == first.content
    assert [answer.headers.get("Idempotency-Replayed") for answer in (first, second)] == [None, "true"]


def test_while_the_database_is_away_every_operation_says_so_and_when_to_come_again(live_db: str) -> None:
    calls = [Call.of(operation) for operation in OPERATIONS.values() if operation.name not in WITHOUT_DATABASE]
    with database_away(), override_settings(DATABASE_PATIENCE_SECONDS=0):
        answers = [call.send() for call in calls]

    for call, answer in zip(calls, answers, strict=True):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE"), call
        _assert_documented(call.operation, answer)


def test_nine_of_ten_documented_errors_and_more_are_provoked_here_and_each_code_but_one() -> None:
    while_the_database_is_away = len(OPERATIONS) - len(WITHOUT_DATABASE)

    assert len(PROVOKED) + while_the_database_is_away >= 0.9 * len(DOCUMENTED)
    assert {code for _, code in PROVOKED} | {"SERVICE_UNAVAILABLE", "INTERNAL_ERROR"} == set(STATUS_OF)


@contextmanager
def database_away() -> Iterator[None]:
    """Connections lead to a database that is not there, and nobody waits for it as long as usual."""
    usual = connection.settings_dict
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it
    options = usual["OPTIONS"]
    connection.settings_dict = {**usual, "NAME": "nowhere", "OPTIONS": {**options, "pool": {**options["pool"], "timeout": 0.1}}}
    try:
        yield
    finally:
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
        connection.settings_dict = usual


def _assert_documented(operation: Operation, answer: Any) -> None:
    """The answer has the headers and the shape that the document gives it."""
    method, path = operation.address
    said = _resolved(DOCUMENT["paths"][path][method.lower()]["responses"][str(answer.status_code)])
    kind = answer["Content-Type"].partition(";")[0]
    content = answer.json() if kind == "application/json" else answer.getvalue().decode()
    validator = Draft202012Validator({**said["content"][kind]["schema"], "components": DOCUMENT["components"]})

    assert [problem.message for problem in validator.iter_errors(content)] == []
    assert [name for name, header in said["headers"].items() if _resolved(header)["required"] and name not in answer] == []


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    kind, name = node["$ref"].split("/")[-2:] if "$ref" in node else ("", "")
    found: dict[str, Any] = DOCUMENT["components"][kind][name] if name else node
    return found
