"""The lines that jobs write, sent and read over HTTP."""

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from jobs import leases, logs
from jobs.models import LogLine
from tests.factories import OTHER, JobFactory, claimed
from tests.orchestration_api.wire import assert_error, send
from tests.statements import counted


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
    assert send(api, "get", f"/jobs/{JobFactory().id}/logs").json() == {"epoch": None, "entries": [], "gaps": [], "nextAfter": None}


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


def lines_of(*sequences: int) -> dict[str, list[dict[str, object]]]:
    return {"entries": [{"sequence": n, "stream": "stderr" if n % 2 else "stdout", "line": f"line {n}"} for n in sequences]}


def test_a_gap_is_accepted_and_shown_as_one(api: APIClient) -> None:
    job = JobFactory(status="running")
    answer = send(api, "post", f"/jobs/{job.id}/logs", lines_of(2, 3, 5, 9)).json()
    assert (answer["stored"], answer["nextSequence"]) == (4, 10)

    assert send(api, "get", f"/jobs/{job.id}/logs").json()["gaps"] == [[0, 1], [4, 4], [6, 8]]
    assert send(api, "get", f"/jobs/{job.id}/logs?after=3").json()["gaps"] == [[4, 4], [6, 8]]
    assert send(api, "get", f"/jobs/{job.id}/logs?after=3&limit=1").json()["gaps"] == [[4, 4]]
    assert "gaps" not in send(api, "get", f"/jobs/{job.id}/logs?stream=stdout").json()
    text = b"".join(send(api, "get", f"/jobs/{job.id}/logs.txt").streaming_content).decode().splitlines()
    assert text == [
        "… 2 lines are missing …", "line 2", "line 3", "… 1 line is missing …", "line 5", "… 3 lines are missing …", "line 9"
    ]  # fmt: skip


def test_a_gap_that_is_filled_later_is_none_any_more(api: APIClient) -> None:
    job = JobFactory(status="running")
    for sequences in ((0, 3), (2, 1)):
        answer = send(api, "post", f"/jobs/{job.id}/logs", lines_of(*sequences)).json()

    assert (answer["stored"], answer["nextSequence"]) == (2, 4)
    assert send(api, "get", f"/jobs/{job.id}/logs").json()["gaps"] == []
    assert b"".join(send(api, "get", f"/jobs/{job.id}/logs.txt").streaming_content) == b"line 0\nline 1\nline 2\nline 3\n"


def test_lines_may_be_counted_from_one_and_anew_in_each_run(api: APIClient) -> None:
    job = JobFactory(status="running")
    send(api, "post", f"/jobs/{job.id}/logs", lines_of(1, 2))
    send(api, "post", f"/jobs/{job.id}/release")
    send(api, "get", f"/jobs/queue?jobTypes={job.type}")
    send(api, "post", f"/jobs/{job.id}/logs", lines_of(0, 1))

    assert send(api, "get", f"/jobs/{job.id}/logs?epoch=1").json()["gaps"] == []
    assert b"".join(send(api, "get", f"/jobs/{job.id}/logs.txt").streaming_content) == b"line 1\nline 2\nline 0\nline 1\n"


@pytest.mark.parametrize("proven", [True, False])
def test_lines_of_a_run_are_taken_until_its_grace_is_over(api: APIClient, monkeypatch: pytest.MonkeyPatch, proven: bool) -> None:
    job = JobFactory(status="running")
    token = {"leaseToken": leases.token_of(job)} if proven else {}
    send(api, "post", f"/jobs/{job.id}/release")
    late = send(api, "post", f"/jobs/{job.id}/logs", lines_of(0) | token).json()
    assert (late["stored"], late["nextAction"]) == (1, "abandon")

    assert logs.GRACE_SECONDS == 300
    monkeypatch.setattr(logs, "GRACE_SECONDS", 0)
    refused = send(api, "post", f"/jobs/{job.id}/logs", lines_of(1) | token)
    assert_error(refused, 409 if proven else 403, "LEASE_LOST" if proven else "NOT_JOB_OWNER")
    assert LogLine.objects.filter(job_id=job.id).count() == 1


def test_lines_belong_to_the_claim_that_the_token_proves(api: APIClient) -> None:
    job = JobFactory(status="running")
    old = leases.token_of(job)
    send(api, "post", f"/jobs/{job.id}/release")
    claimed(job, OTHER)
    send(api, "post", f"/jobs/{job.id}/logs", lines_of(0) | {"leaseToken": old})
    send(api, "post", f"/jobs/{job.id}/logs", lines_of(0, 1), X_Orchestrator_ID=OTHER.name)

    assert list(LogLine.objects.filter(job_id=job.id).order_by("epoch", "sequence").values_list("epoch", "sequence")) == [
        (1, 0),
        (2, 0),
        (2, 1),
    ]


def test_ten_thousand_lines_are_one_statement(api: APIClient) -> None:
    job = JobFactory(status="running")
    # What is noted once a minute is noted by then.
    send(api, "post", f"/jobs/{job.id}/logs", lines_of(10_000))
    with counted() as traffic:
        answer = send(api, "post", f"/jobs/{job.id}/logs", lines_of(*range(10_000))).json()

    assert (answer["stored"], traffic.statements) == (10_000, 1)
    assert_error(send(api, "post", f"/jobs/{job.id}/logs", lines_of(*range(10_001))), 400, "VALIDATION_INVALID_PARAMS")


def test_the_whole_text_is_read_in_stretches_by_number_and_by_size(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    job = JobFactory(status="running")
    send(api, "post", f"/jobs/{job.id}/logs", {"entries": [{"sequence": n, "stream": "stdout", "line": "ä" * n} for n in range(40)]})
    monkeypatch.setattr(logs, "_LINES_AT_ONCE", 7)
    monkeypatch.setattr(logs, "_BYTES_AT_ONCE", 100)
    with counted() as traffic:
        text = "".join(logs.text(job.id))

    assert text == "".join("ä" * n + "\n" for n in range(40))
    assert 10 < traffic.statements < 20
