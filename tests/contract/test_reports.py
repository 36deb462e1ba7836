"""Sections 4 and 5 of the contract, where no other test holds their sentences."""

from http.client import HTTPConnection
from typing import Any

import psycopg
import pytest
from rest_framework.test import APIClient

from jobs import leases
from jobs.models import Job
from tests.factories import JobFactory
from tests.ledger import actions
from tests.orchestration_api.wire import assert_error, is_time, send, untouched
from tests.postgres import API_KEY
from tests.server import running_server


@pytest.mark.parametrize(
    ("word", "status", "action"),
    [
        ("acknowledged", "claimed", "acknowledge"),
        ("preparing", "claimed", "claim"),
        ("running", "running", "start"),
        ("completed", "completed", "complete"),
        ("failed", "failed", "fail"),
        ("cancelled", "failed", "fail"),
        ("timeout", "failed", "fail"),
    ],
)
def test_each_word_of_a_status_report_does_what_it_says(api: APIClient, word: str, status: str, action: str) -> None:
    job = JobFactory(status="claimed")
    told = send(api, "put", f"/jobs/{job.id}/status", {"status": word}).json()["job"]

    assert (told["status"], actions(job)[-1]) == (status, action)
    assert told["phase"] == ("preparing" if word == "preparing" else None)
    assert told["errorCategory"] == {"timeout": "timeout", "cancelled": "cancelled", "failed": "unknown"}.get(word)


@pytest.mark.parametrize("output", ["text", {"stdout": "a", "stderr": "b"}, {"stdout": "a"}, {"stderr": None}])
def test_an_output_is_a_text_or_two(api: APIClient, output: Any) -> None:
    job = JobFactory(status="running")
    assert send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "output": output}).status_code == 200

    assert send(api, "get", f"/jobs/{job.id}").json()["result"]["output"] == output


@pytest.mark.parametrize("output", [5, ["a"], True, {"stdout": 5}, {"stderr": ["b"]}])
def test_an_output_that_is_neither_is_refused(api: APIClient, output: Any) -> None:
    job = JobFactory(status="running")

    assert_error(send(api, "post", f"/jobs/{job.id}/complete", {"output": output}), 400, "VALIDATION_INVALID_PARAMS")


def test_a_result_holds_what_was_sent_and_nothing_else(api: APIClient) -> None:
    sent = {
        "output": {"stdout": "a", "stderr": ""}, "exitCode": 0, "metrics": {"n": 1}, "artifacts": [{"name": "a.csv"}],
        "scriptOutput": {"k": 1}, "condition": True, "items": {"total": 3, "failed": 0},
    }  # fmt: skip
    whole, bare = JobFactory(status="running"), JobFactory(status="running")
    send(api, "post", f"/jobs/{whole.id}/complete", {"status": "completed", **sent, "category": None})
    send(api, "post", f"/jobs/{bare.id}/complete", {"status": "completed"})

    assert send(api, "get", f"/jobs/{whole.id}").json()["result"] == sent
    assert send(api, "get", f"/jobs/{bare.id}").json()["result"] == {}
    assert is_time(send(api, "get", f"/jobs/{bare.id}").json()["completedAt"])


@pytest.mark.parametrize(
    ("body", "last_error"),
    [
        ({"error": "as sent\nin two lines"}, "as sent\nin two lines"),
        ({"error": {"type": "E", "message": "its message", "stack": "at x"}}, "its message"),
        ({"exitCode": 3, "output": {"stdout": "", "stderr": "first\nlast line\n\n"}}, "last line"),
        ({"exitCode": 3}, "Exit code 3"),
        ({"status": "timeout"}, "Timed out"),
    ],
)
def test_the_last_error_says_the_most_telling_thing(api: APIClient, body: dict[str, Any], last_error: str) -> None:
    job = JobFactory(status="running")
    told = send(api, "post", f"/jobs/{job.id}/complete", body).json()["job"]
    result = send(api, "get", f"/jobs/{job.id}").json()["result"]

    assert (told["attempts"], told["lastError"]) == (1, last_error)
    assert result["error"] == body.get("error", last_error)


def test_an_answer_to_a_report_says_what_comes_next(api: APIClient) -> None:
    job = JobFactory(status="running", max_attempts=2)
    retried = send(api, "post", f"/jobs/{job.id}/fail", {"error": "x", "retryAfterSeconds": 0}).json()
    send(api, "post", "/jobs/claim")
    going_on = send(api, "put", f"/jobs/{job.id}/status", {"status": "running"}).json()
    failed = send(api, "post", f"/jobs/{job.id}/fail", {"error": "y"}).json()

    assert [answer["nextAction"] for answer in (retried, going_on, failed)] == ["retry", "continue", "continue"]
    assert all(answer["success"] is True and is_time(answer["timestamp"]) for answer in (retried, going_on, failed))
    assert not {"payload", "result"} & failed["job"].keys()


@pytest.mark.parametrize("proves", [True, False])
def test_a_report_of_a_run_before_the_last_is_still_known_again(api: APIClient, proves: bool) -> None:
    job = JobFactory(status="running", max_attempts=3)
    token = {"X_Lease_Token": leases.token_of(job)} if proves else {}
    failed = {"error": "first run", "retryAfterSeconds": 0}
    assert send(api, "post", f"/jobs/{job.id}/fail", failed, **token).json()["nextAction"] == "retry"
    send(api, "post", "/jobs/claim")
    assert send(api, "post", f"/jobs/{job.id}/fail", {"error": "second run", "retryAfterSeconds": 0}).status_code == 200
    before = untouched(job)
    again = send(api, "post", f"/jobs/{job.id}/fail", failed, **token)

    assert (again.status_code, again.json()["replayed"], again.json()["job"]["attempts"]) == (200, True, 2)
    assert untouched(job) == before


def test_what_was_answered_can_be_read_at_once_by_anybody(live_db: str) -> None:
    """The mark is 100 ms; here a reader on a connection of its own, after the answer, finds it at once each time."""
    jobs = [JobFactory(status="running") for _ in range(20)]
    headers = {"Authorization": f"Bearer {API_KEY}", "X-Orchestrator-ID": "orch-1", "Content-Type": "application/json"}
    with running_server(workers=1) as server, psycopg.connect(live_db, autocommit=True) as reader:
        connection = HTTPConnection(server.url.removeprefix("http://"), timeout=20)
        for job in jobs:
            connection.request("POST", f"/api/internal/jobs/{job.id}/complete", b'{"exitCode": 0}', headers)
            answer = connection.getresponse()
            assert (answer.read() and answer.status) == 200
            assert reader.execute("select status from jobs where id = %s", [job.id]).fetchone() == ("completed",)
        connection.close()


@pytest.mark.parametrize("status", ["claimed", "running"])
def test_every_failure_of_a_held_job_counts_one_attempt(api: APIClient, status: str) -> None:
    job = JobFactory(status=status)
    assert job.max_attempts == 1
    told = send(api, "post", f"/jobs/{job.id}/fail", {"error": "x"}).json()["job"]

    assert (told["status"], told["attempts"], told["maxAttempts"]) == ("failed", 1, 1)


def test_attempts_count_failures_and_nothing_else(api: APIClient) -> None:
    job = JobFactory(status="running", max_attempts=3)
    send(api, "post", f"/jobs/{job.id}/release")
    send(api, "post", "/jobs/claim")
    told = send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0}).json()["job"]

    assert (told["attempts"], told["epoch"]) == (0, 2)


def test_a_completion_that_comes_before_the_cancel_is_obeyed_wins(api: APIClient) -> None:
    job = JobFactory(status="running")
    asked = send(api, "post", f"/jobs/{job.id}/cancel").json()
    told = send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0}).json()

    assert (asked["job"]["status"], asked["nextAction"]) == ("running", "cancel")
    assert (told["job"]["status"], told["nextAction"]) == ("completed", "continue")
    assert Job.objects.get(id=job.id).cancel_requested_at is not None


@pytest.mark.parametrize("verb", ["acknowledge", "release", "cancel", "retry"])
@pytest.mark.parametrize("options", [{}, {"data": b"", "content_type": "application/json"}, {"data": b"", "content_type": "text/plain"}])
def test_where_nothing_need_be_said_no_body_is_taken_as_an_empty_object(api: APIClient, verb: str, options: dict[str, Any]) -> None:
    job = JobFactory(status="failed" if verb == "retry" else "claimed")

    assert api.post(f"/api/internal/jobs/{job.id}/{verb}", **options).status_code == 200


@pytest.mark.parametrize(
    "path", ["/jobs?status=%00", "/jobs?%00=1", "/jobs/queue?jobTypes=a%00", "/jobs/{id}/logs?stream=%00", "/jobs/{id}?%00"]
)
def test_a_nul_in_a_query_is_refused(api: APIClient, path: str) -> None:
    job = JobFactory()
    before = untouched(job)

    assert_error(send(api, "get", path.format(id=job.id)), 400, "VALIDATION_INVALID_PARAMS")
    assert untouched(job) == before


@pytest.mark.parametrize("path", ["/jobs/%00", "/jobs/job_%00/history", "/jobs/a%00b/attempts", "/%00"])
def test_a_nul_in_a_path_finds_nothing(api: APIClient, path: str) -> None:
    answer = send(api, "get", path)

    assert_error(answer, 404, answer.json()["error"]["code"])
