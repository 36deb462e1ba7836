"""The lines that jobs write, sent and read over HTTP."""

import pytest
from django.test import override_settings
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


def test_reading_on_stays_within_one_run(api: APIClient) -> None:
    job = JobFactory(status="running")
    lines = [{"sequence": n, "stream": "stdout", "line": f"first run, {n}"} for n in range(3)]
    send(api, "post", f"/jobs/{job.id}/logs", {"entries": lines})
    send(api, "post", f"/jobs/{job.id}/release")
    send(api, "get", f"/jobs/queue?jobTypes={job.type}")
    send(api, "post", f"/jobs/{job.id}/logs", {"entries": [{"sequence": n, "stream": "stdout", "line": f"second, {n}"} for n in range(2)]})

    newest = send(api, "get", f"/jobs/{job.id}/logs?limit=1").json()
    rest = send(api, "get", f"/jobs/{job.id}/logs?epoch={newest['epoch']}&after={newest['nextAfter']}").json()
    assert newest["epoch"] == 2
    assert [line["line"] for line in newest["entries"] + rest["entries"]] == ["second, 0", "second, 1"]
    assert len(send(api, "get", f"/jobs/{job.id}/logs?epoch=1").json()["entries"]) == 3


def test_a_job_without_lines_has_no_run_to_read(api: APIClient) -> None:
    assert send(api, "get", f"/jobs/{JobFactory().id}/logs").json() == {"epoch": None, "entries": [], "nextAfter": None}


@override_settings(ANSWER_LIMIT=65536 + 1000)
def test_lines_end_early_rather_than_pass_the_limit_of_an_answer(api: APIClient) -> None:
    job = JobFactory(status="running")
    send(api, "post", f"/jobs/{job.id}/logs", {"entries": [{"sequence": n, "stream": "stdout", "line": "x" * 300} for n in range(5)]})
    seen, after = [], -1
    while entries := send(api, "get", f"/jobs/{job.id}/logs?after={after}").json()["entries"]:
        assert len(entries) < 5
        seen += [line["sequence"] for line in entries]
        after = seen[-1]

    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("query", ["epoch=--1", "after=--0", "after=%D9%A3", "after=-2", "limit=0", "epoch=99999999999", "stream=x"])
def test_a_range_that_can_not_be_is_refused(api: APIClient, query: str) -> None:
    assert_error(send(api, "get", f"/jobs/{JobFactory().id}/logs?{query}"), 400, "VALIDATION_INVALID_PARAMS")
