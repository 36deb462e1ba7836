"""The habits of existing orchestrators, each of them served without a change on their side."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from jobs.models import Job
from tests.factories import OTHER, JobFactory
from tests.interoperability.go_orchestrator import NAME, SELF, say
from tests.ledger import assert_sound
from tests.raw_http import Wire

SILENT = {"stdout": "", "stderr": ""}
ZERO_TIMES = {"startTime": "0001-01-01T00:00:00Z", "endTime": "0001-01-01T00:00:00Z"}


def running() -> Job:
    return JobFactory(status="running", holder=SELF)


@pytest.mark.parametrize(
    ("method", "call", "body"),
    [
        ("POST", "complete", {"status": "failed", "exitCode": 0, "output": SILENT}),
        ("POST", "complete", {"status": "failed", "exitCode": 0, "output": {"stdout": "all is well\n", "stderr": ""}}),
        ("PUT", "status", {"status": "failed", "details": {"exitCode": 0}}),
        ("PUT", "status", {"status": "failed", "details": {"exitCode": 0, "message": "it broke"}}),
    ],
)
def test_exit_code_0_beside_failed_is_a_failure(wire: Wire, method: str, call: str, body: dict[str, Any]) -> None:
    job = running()
    answer = say(wire, method, f"jobs/{job.id}/{call}", body)

    assert (answer.status, answer.json["job"]["status"], answer.json["job"]["attempts"]) == (200, "failed", 1)
    assert_sound(job.id)


@pytest.mark.parametrize(
    ("error", "category"),
    [
        ({"type": "unsupported", "code": "UNSUPPORTED_JOB_TYPE", "message": "no executor", "retryable": False}, "configuration"),
        ({"type": "validation", "code": "INVALID_SCRIPT", "message": "no content"}, "validation"),
        ({"type": "execution", "code": "CONFIG_MISSING", "message": "no image"}, "configuration"),
        ({"type": "internal", "code": "START_FAILED", "message": "operation timed out"}, "system"),
        ("fork: resource temporarily unavailable", "system"),
    ],
)
@pytest.mark.parametrize("call", ["complete", "status"])
def test_exit_code_minus_1_with_an_error_is_a_start_that_failed_and_no_timeout(
    wire: Wire, call: str, error: dict[str, Any] | str, category: str
) -> None:
    job = JobFactory(status="claimed", holder=SELF)
    told = {"exitCode": -1, "error": error}
    body = {"status": "failed", **told} if call == "complete" else {"status": "failed", "details": told}
    answer = say(wire, "POST" if call == "complete" else "PUT", f"jobs/{job.id}/{call}", body)

    assert (answer.status, answer.json["job"]["status"], answer.json["job"]["errorCategory"]) == (200, "failed", category)


def test_zero_times_in_metrics_are_kept_as_they_came(wire: Wire) -> None:
    job = running()
    answer = say(wire, "POST", f"jobs/{job.id}/complete", {"status": "completed", "exitCode": 0, "metrics": ZERO_TIMES})

    assert answer.status == 200
    assert say(wire, "GET", f"jobs/{job.id}").json["result"]["metrics"] == ZERO_TIMES
    (*_, last) = say(wire, "GET", f"jobs/{job.id}/history").json["entries"]
    assert last["detail"]["metrics"] == ZERO_TIMES


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (r"a\u0000b", "a\ufffdb"),
        (r"\u0000\u0001\u001b[31mred\u007f", "\ufffd\x01\x1b[31mred\x7f"),
        # What Go makes of bytes that are no UTF-8, and of the separators that it escapes.
        (r"\ufffd\ufffd\u2028\u003c", "\ufffd\ufffd\u2028<"),
        (r"\ud83d\ude00 \ud83d", "\U0001f600 \ufffd"),
        ("\u00e4\U0001f600\u0301", "\u00e4\U0001f600\u0301"),
    ],
)
def test_any_bytes_in_an_output_reach_the_reader(wire: Wire, written: str, stored: str) -> None:
    job = running()
    body = f'{{"status":"completed","exitCode":0,"output":{{"stdout":"{written}","stderr":""}}}}'
    answer = say(wire, "POST", f"jobs/{job.id}/complete", body)

    assert (answer.status, answer.json["job"]["status"]) == (200, "completed")
    replaced = r"\u0000" in written or written.endswith(r"\ud83d")
    assert answer.json.get("replaced", []) == (["output.stdout"] if replaced else [])
    assert say(wire, "GET", f"jobs/{job.id}").json["result"]["output"]["stdout"] == stored


def test_orphaned_answers_for_the_header_whatever_the_query_says(wire: Wire) -> None:
    mine, theirs = running(), JobFactory(status="running", holder=OTHER)
    answer = say(wire, "GET", f"jobs/orphaned?orchestratorId={OTHER.name}")

    assert answer.status == 200
    assert {job["orchestratorId"] for job in answer.json} == {NAME}
    assert mine.id in [job["id"] for job in answer.json]
    assert theirs.id not in answer.body.decode()


def test_a_release_is_posted_beside_the_base_path(wire: Wire) -> None:
    job, theirs = running(), JobFactory(status="running", holder=OTHER)
    body = {"status": "pending", "message": "Released back to queue after orchestrator restart"}
    released, refused, unknown = (say(wire, "POST", f"/jobs/{job_id}/release", body) for job_id in (job.id, theirs.id, "job_nope"))

    assert (released.status, released.json["success"], released.json["job"]["status"]) == (200, True, "queued")
    assert (refused.status, refused.json["error"]["code"]) == (403, "NOT_JOB_OWNER")
    assert (unknown.status, unknown.json["error"]["code"]) == (404, "JOB_NOT_FOUND")
    assert_sound(job.id)


@pytest.mark.parametrize("hours", [-12, -3.5, 0, 5.75, 14])
@pytest.mark.parametrize("decimals", ["", ".5", ".123456", ".516001729"])
def test_a_time_is_read_in_any_offset_and_to_the_nanosecond(wire: Wire, hours: float, decimals: str) -> None:
    job = running()
    # A second ahead, so that no fraction of it lies before the claim.
    now = datetime.now(timezone(timedelta(hours=hours))) + timedelta(seconds=1)
    offset = now.isoformat()[-6:]
    stamped = f"{now:%Y-%m-%dT%H:%M:%S}{decimals}{offset}"
    answer = say(wire, "PUT", f"jobs/{job.id}/status", {"status": "completed", "timestamp": stamped})

    assert answer.status == 200, answer.body
    (*_, last) = say(wire, "GET", f"jobs/{job.id}/history").json["entries"]
    assert last["statedAt"] == f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{decimals[1:7]:0<6}Z"


NULLS = {
    "acknowledge": {"orchestratorId": None, "timestamp": None, "estimatedStartTime": None},
    "complete": {
        "status": "completed",
        "timestamp": None,
        **dict.fromkeys(
            ["exitCode", "output", "error", "category", "metrics", "artifacts", "scriptOutput", "condition", "items", "leaseToken"]
        ),
    },
    "fail": {"error": "no", **dict.fromkeys(["exitCode", "output", "category", "retryable", "retryAfterSeconds", "timestamp"])},
    "release": {"message": None, "status": None, "timestamp": None},
}


@pytest.mark.parametrize("call", NULLS)
def test_null_stands_for_what_is_absent(wire: Wire, call: str) -> None:
    job = running()

    assert say(wire, "POST", f"jobs/{job.id}/{call}", NULLS[call]).status == 200


@pytest.mark.parametrize("details", [None, {}, dict.fromkeys(["message", "exitCode", "error", "output", "metrics", "phase", "progress"])])
def test_null_stands_for_absent_details_too(wire: Wire, details: dict[str, None] | None) -> None:
    job = JobFactory(status="claimed", holder=SELF)
    answer = say(wire, "PUT", f"jobs/{job.id}/status", {"status": "running", "timestamp": None, "details": details})

    assert (answer.status, answer.json["job"]["status"]) == (200, "running")


def test_a_heartbeat_of_nulls_is_a_sign_of_life(wire: Wire) -> None:
    body = {"orchestratorId": NAME, **dict.fromkeys(["timestamp", "runningJobs", "capacity", "jobTypes", "version", "hostname"])}

    assert say(wire, "POST", "orchestrator/heartbeat", body).json["success"] is True
