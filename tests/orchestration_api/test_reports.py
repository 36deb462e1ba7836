"""What the holder of a job says over HTTP, and what it is answered."""

from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs import leases
from jobs.models import Job, Orchestrator
from tests.factories import JobFactory
from tests.ledger import actions, assert_sound
from tests.orchestration_api.wire import assert_error, is_time, send, untouched


def test_a_whole_life_over_http(api: APIClient) -> None:
    job_id = send(api, "post", "/jobs", {"type": "report", "payload": {"rows": 3}}).json()["job"]["id"]
    (job,) = send(api, "get", "/jobs/queue").json()["jobs"]
    acknowledged = send(
        api, "post", f"/jobs/{job_id}/acknowledge", {"timestamp": "", "estimatedStartTime": None} | {"timestamp": None}
    ).json()
    assert acknowledged["lease"]["token"] == acknowledged["lease"]["renewalToken"] == job["lease"]["token"]
    started = send(api, "put", f"/jobs/{job_id}/status", {"status": "running"}).json()
    assert (started["success"], started["nextAction"], started["job"]["status"]) == (True, "continue", "running")
    assert not {"payload", "result"} & started["job"].keys()
    done = send(api, "post", f"/jobs/{job_id}/complete", {"exitCode": 0, "output": {"stdout": "fine", "stderr": ""}, "metrics": {"n": 1}})
    assert done.json()["job"]["status"] == "completed"

    whole = send(api, "get", f"/jobs/{job_id}").json()
    assert whole["result"] == {"output": {"stdout": "fine", "stderr": ""}, "exitCode": 0, "metrics": {"n": 1}}
    history = send(api, "get", f"/jobs/{job_id}/history").json()["entries"]
    assert [entry["action"] for entry in history] == ["enqueue", "claim", "acknowledge", "start", "complete"]
    assert history[-1]["requestId"] == done["X-Request-ID"]
    assert is_time(history[-1]["at"])
    assert_sound(job_id)


@pytest.mark.parametrize(
    ("body", "status", "category", "error"),
    [
        ({"status": "completed"}, "completed", None, None),
        ({"output": "x"}, "completed", None, None),
        ({"exitCode": 0, "error": ""}, "completed", None, None),
        ({"exitCode": 3}, "failed", "exit_code", "Exit code 3"),
        ({"status": "completed", "exitCode": 3}, "failed", "exit_code", "Exit code 3"),
        ({"status": "completed", "error": "no"}, "failed", "unknown", "no"),
        ({"status": "failed", "exitCode": 0, "output": {"stdout": "", "stderr": "first\nlast words\n"}}, "failed", "unknown", "last words"),
        ({"status": "timeout", "exitCode": 101}, "failed", "timeout", "Timed out"),
        ({"exitCode": -1}, "failed", "timeout", "Timed out"),
        ({"exitCode": -1, "error": {"type": "unsupported", "message": "no executor"}}, "failed", "configuration", "no executor"),
        ({"exitCode": -1, "error": "could not fork"}, "failed", "system", "could not fork"),
        ({"exitCode": -9}, "failed", "signal", "Exit code -9"),
        ({"exitCode": 3221225477}, "failed", "exit_code", "Exit code 3221225477"),
        ({"status": "failed", "error": {"type": "Oops"}, "output": {"stderr": "last words"}}, "failed", "exception", "last words"),
        ({"error": {"type": "Oops", "code": "E7"}}, "failed", "exception", "E7"),
        ({"exitCode": 1, "output": {"stderr": "x" * 100_000}}, "failed", "exit_code", "x" * 100_000),
        ({"exitCode": 137}, "failed", "signal", "Exit code 137"),
        ({"exitCode": 1, "category": "dependency"}, "failed", "dependency", "Exit code 1"),
        ({"exitCode": 1, "category": "made-up"}, "failed", "unknown", "Exit code 1"),
        ({"status": "cancelled", "exitCode": 0}, "failed", "cancelled", "Cancelled by the orchestrator"),
    ],
)
def test_the_worst_of_status_error_and_exit_code_wins(
    api: APIClient, body: dict[str, Any], status: str, category: str | None, error: str | None
) -> None:
    job = JobFactory(status="running")
    answer = send(api, "post", f"/jobs/{job.id}/complete", body).json()["job"]

    assert (answer["status"], answer["errorCategory"], answer["lastError"]) == (status, category, error)
    assert_sound(job.id)


@pytest.mark.parametrize("nothing", ["", {}])
def test_a_failure_with_an_empty_error_tells_its_error_in_the_result_too(api: APIClient, nothing: Any) -> None:
    job = JobFactory(status="running")
    send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 3, "error": nothing})

    assert Job.objects.get(id=job.id).result == {"exitCode": 3, "error": "Exit code 3"}


@pytest.mark.parametrize(
    "body",
    [
        {"status": "completed", "exitCode": 102},
        {"status": "completed", "exitCode": 0, "items": {"total": 5, "failed": 2}},
        {"exitCode": 0, "items": {"failed": 1}},
    ],
)
def test_a_run_of_which_parts_failed_is_completed_and_partial(api: APIClient, body: dict[str, Any]) -> None:
    job = JobFactory(status="running")
    answer = send(api, "post", f"/jobs/{job.id}/complete", body).json()["job"]

    assert (answer["status"], answer["partial"]) == ("completed", True)


def test_an_inferred_category_is_marked_and_an_unknown_one_kept_beside(api: APIClient) -> None:
    guessed, odd = JobFactory(status="running"), JobFactory(status="running")
    send(api, "post", f"/jobs/{guessed.id}/complete", {"exitCode": 1})
    send(api, "post", f"/jobs/{odd.id}/fail", {"error": "x", "category": "made-up"})

    assert send(api, "get", f"/jobs/{guessed.id}/history").json()["entries"][-1]["detail"]["categoryInferred"] is True
    assert send(api, "get", f"/jobs/{odd.id}/history").json()["entries"][-1]["detail"]["categorySent"] == "made-up"


def test_the_audit_log_keeps_of_an_output_only_its_length_and_hash(api: APIClient) -> None:
    job = JobFactory(status="running")
    send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "output": "the secret recipe"})
    detail = send(api, "get", f"/jobs/{job.id}/history").json()["entries"][-1]["detail"]

    assert detail["output"]["output"]["bytes"] == 17
    assert "recipe" not in str(detail)


def test_the_same_report_again_gives_the_first_answer_and_no_second_entry(api: APIClient) -> None:
    job = JobFactory(status="running")
    first = send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "output": "x"}).json()
    before = untouched(job)
    again = send(api, "post", f"/jobs/{job.id}/complete", {"output": "x", "exitCode": 0, "timestamp": datetime.now(UTC).isoformat()}).json()

    assert again["replayed"] is True
    assert again["job"] == first["job"]
    assert untouched(job) == before


def test_a_replay_is_known_again_after_the_job_was_retried(api: APIClient) -> None:
    job = JobFactory(status="running", max_attempts=2)
    first = send(api, "post", f"/jobs/{job.id}/fail", {"error": "busy", "retryAfterSeconds": 0}).json()
    again = send(api, "post", f"/jobs/{job.id}/fail", {"error": "busy", "retryAfterSeconds": 0}).json()

    assert (first["nextAction"], again["replayed"], again["job"]["attempts"]) == ("retry", True, 1)
    assert_sound(job.id)


def test_another_report_on_a_finished_run_is_told_the_outcome(api: APIClient) -> None:
    job = JobFactory(status="completed")
    before = untouched(job)
    details = assert_error(send(api, "post", f"/jobs/{job.id}/fail", {"error": "after all"}), 409, "ALREADY_FINISHED")

    assert (details["outcome"]["status"], details["nextAction"]) == ("completed", "abandon")
    assert untouched(job) == before


def test_preparing_and_progress_are_stored_and_are_no_change(api: APIClient) -> None:
    job = JobFactory(status="claimed")
    before = (actions(job), job.updated_at)
    answer = send(api, "put", f"/jobs/{job.id}/status", {"status": "preparing", "details": {"progress": {"percentage": 5}}}).json()

    assert (answer["job"]["phase"], answer["job"]["progress"], answer["job"]["status"]) == ("preparing", {"percentage": 5}, "claimed")
    assert (actions(job), Job.objects.get(id=job.id).updated_at) == before


@pytest.mark.parametrize("word", ["queued", "claimed"])
def test_a_report_can_not_give_a_job_back(api: APIClient, word: str) -> None:
    job = JobFactory(status="running")
    details = assert_error(send(api, "put", f"/jobs/{job.id}/status", {"status": word}), 409, "INVALID_TRANSITION")

    assert details == {"status": "running", "requested": word, "allowed": ["queued", "completed", "failed", "cancelled"]}


def test_a_release_is_taken_without_the_base_path_too(api: APIClient) -> None:
    job = JobFactory(status="running")
    answer = api.post(f"/jobs/{job.id}/release", {"status": "pending", "message": "restart"}, format="json")

    assert (answer.status_code, answer.json()["job"]["status"]) == (200, "queued")
    assert answer["Cache-Control"] == "no-store"


def test_every_answer_says_so_once_a_cancel_was_requested(api: APIClient) -> None:
    job = JobFactory(status="running")
    assert send(api, "post", f"/jobs/{job.id}/cancel", {"reason": "too slow"}).json()["job"]["status"] == "running"

    assert send(api, "put", f"/jobs/{job.id}/status", {"status": "running"}).json()["nextAction"] == "cancel"
    assert send(api, "post", "/orchestrator/heartbeat", {"runningJobs": [job.id]}).json()["cancel"] == [job.id]
    ended = send(api, "put", f"/jobs/{job.id}/status", {"status": "cancelled"}).json()["job"]
    assert (ended["status"], ended["attempts"]) == ("cancelled", 0)


def test_bytes_that_no_text_can_hold_never_lose_a_verdict(api: APIClient) -> None:
    job = JobFactory(status="running")
    body = '{"exitCode": 0, "output": {"stdout": "a\\u0000b\\ud800c", "stderr": ""}}'
    answer = api.post(f"/api/internal/jobs/{job.id}/complete", body, content_type="application/json").json()

    assert answer["replaced"] == ["output.stdout"]
    assert send(api, "get", f"/jobs/{job.id}").json()["result"]["output"]["stdout"] == "a\ufffdb\ufffdc"


def test_unknown_keys_of_a_report_are_ignored_and_named(api: APIClient) -> None:
    job = JobFactory(status="running")

    assert send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "mood": "good"}).json()["ignored"] == ["mood"]


@pytest.mark.parametrize(
    "body",
    [
        {"metrics": {"message": "\x00"}},
        {"metrics": {"error": ["\x00"]}},
        {"artifacts": {"output": "\x00"}},
        {"details.error": "\x00"},
    ],
)
def test_bytes_that_no_text_can_hold_are_refused_in_every_other_string(api: APIClient, body: dict[str, Any]) -> None:
    job = JobFactory(status="running")

    assert_error(send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0} | body), 422, "INVALID_UNICODE")


def test_what_stands_beside_the_known_keys_is_kept(api: APIClient) -> None:
    job = JobFactory(status="running")
    items = {"total": 5, "failed": 0, "skipped": 2, "unit": None}
    send(api, "post", "/orchestrator/heartbeat", {"capacity": {"maxJobs": 4, "gpus": 1}})
    send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "items": items})

    assert send(api, "get", f"/jobs/{job.id}").json()["result"]["items"] == items
    assert Orchestrator.objects.get(id="orch-1").capacity == {"maxJobs": 4, "gpus": 1}


@pytest.mark.parametrize("percentage", ["50", True, -1, 101])
def test_a_percentage_is_a_number_from_0_to_100(api: APIClient, percentage: Any) -> None:
    job = JobFactory(status="running")
    body = {"renewalToken": leases.token_of(job), "progress": {"percentage": percentage}}

    assert_error(send(api, "post", f"/jobs/{job.id}/lease/renew", body), 400, "VALIDATION_INVALID_PARAMS")
