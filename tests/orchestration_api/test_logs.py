"""The lines that jobs write, sent and read over HTTP."""

from rest_framework.test import APIClient

from tests.factories import JobFactory
from tests.orchestration_api.wire import assert_error, send


def test_log_lines_are_stored_once_and_read_by_range(api: APIClient) -> None:
    job = JobFactory(status="running")
    entries = [{"sequence": n, "stream": "stderr" if n % 2 else "stdout", "line": f"line {n}", "timestamp": None} for n in range(4)]
    first = send(api, "post", f"/jobs/{job.id}/logs", {"entries": entries[:3]}).json()
    second = send(api, "post", f"/jobs/{job.id}/logs", {"entries": entries[1:]}).json()

    assert (first["stored"], first["duplicates"], first["nextSequence"]) == (3, 0, 3)
    assert (second["stored"], second["duplicates"], second["nextSequence"]) == (1, 2, 4)
    assert [line["line"] for line in send(api, "get", f"/jobs/{job.id}/logs?after=1").json()["entries"]] == ["line 2", "line 3"]
    assert [line["line"] for line in send(api, "get", f"/jobs/{job.id}/logs?stream=stderr").json()["entries"]] == ["line 1", "line 3"]
    text = b"".join(send(api, "get", f"/jobs/{job.id}/logs.txt").streaming_content).decode()
    assert text == "line 0\nline 1\nline 2\nline 3\n"


def test_logs_are_taken_for_a_while_after_the_end_and_from_nobody_else(api: APIClient) -> None:
    job = JobFactory(status="completed")
    body = {"entries": [{"sequence": 0, "stream": "stdout", "line": "the last line"}]}

    assert send(api, "post", f"/jobs/{job.id}/logs", body).json()["stored"] == 1
    assert_error(send(api, "post", f"/jobs/{job.id}/logs", body, X_Orchestrator_ID="orch-2"), 403, "NOT_JOB_OWNER")
