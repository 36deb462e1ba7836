"""No answer is larger than its limit, however large and hostile what was stored; what is told shorter says so, and the whole is there."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from rest_framework.test import APIClient

from jobs.models import Job
from tests.factories import HOLDER, STAFF, JobFactory, claimed
from tests.orchestration_api.wire import BASE, assert_error, send

SMALL = 400_000
# Six bytes on the wire; several of them; much longer in PostgreSQL than on the wire.
HOSTILE: dict[str, Any] = {"control": "\x01" * 200_000, "multi-byte": "€🦀" * 120_000, "numbers": [1e300, 0.1234567890123456] * 17_000}


@pytest.fixture
def small() -> Iterator[None]:
    """A limit that tests reach quickly."""
    with override_settings(ANSWER_LIMIT=SMALL):
        yield


def whole(answer: Any, limit: int = SMALL) -> Any:
    assert answer.status_code < 300, answer.content[:500]
    assert len(answer.content) <= limit
    return answer.json()


def test_at_its_real_size_a_job_is_told_within_the_limit_and_its_output_is_there_whole(api: APIClient) -> None:
    payload = "€" * (2_660_000)
    made = whole(send(api, "post", "/jobs", {"type": "t", "payload": payload}), settings.ANSWER_LIMIT)["job"]
    taken = whole(send(api, "post", "/jobs/claim", {"batchSize": 1}), settings.ANSWER_LIMIT)["jobs"][0]
    report = b'{"exitCode": 3, "output": {"stdout": "%s", "stderr": "%s"}}' % (b"\\u0001" * 2_700_000, b"x" * 400_000)
    assert api.post(f"{BASE}/jobs/{made['id']}/complete", report, content_type="application/json").status_code == 200
    told = whole(send(api, "get", f"/jobs/{made['id']}"), settings.ANSWER_LIMIT)
    output = send(api, "get", f"/jobs/{made['id']}/output.txt")

    assert made["payload"] == taken["payload"] == payload
    assert told["shortened"] == [{"path": "payload", "bytes": 7_980_000}, {"path": "result.output.stdout", "bytes": 2_700_000}]
    assert payload.startswith(told["payload"])
    assert told["result"]["output"]["stderr"] == "x" * 400_000
    assert b"".join(output.streaming_content) == b"\x01" * 2_700_000


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_whole_job_and_its_attempts_fit(kind: str, api: APIClient, small: None) -> None:
    job = JobFactory(status="running", max_attempts=3)
    for _ in range(2):
        body = {"error": "busy", "output": "o" * 50_000, "metrics": {"huge": HOSTILE[kind]}, "retryAfterSeconds": 0}
        whole(send(api, "post", f"/jobs/{job.id}/fail", body))
        claimed(job, HOLDER)
    whole(send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "scriptOutput": HOSTILE[kind]}))
    told = whole(send(api, "get", f"/jobs/{job.id}"))
    runs = whole(send(api, "get", f"/jobs/{job.id}/attempts"))["attempts"]

    assert [cut["path"] for cut in told["shortened"]] == ["result.scriptOutput"]
    assert [run["number"] for run in runs] == [1, 2, 3]
    assert [[cut["path"] for cut in run["shortened"]] for run in runs] == [
        ["result.metrics.huge"],
        ["result.metrics.huge"],
        ["result.scriptOutput"],
    ]
    # The short things are whole.
    assert [run["error"] for run in runs] == ["busy", "busy", None]
    assert Job.objects.get(id=job.id).result == {"exitCode": 0, "scriptOutput": HOSTILE[kind]}


def test_what_an_orchestrator_holds_is_told_first_without_what_is_long_then_not_all(api: APIClient, small: None) -> None:
    script = {"script": {"type": "BASH", "content": "\x01" * 20_000}}
    large, small_one = JobFactory(payload=script, metadata={"note": "\x01" * 60_000}), JobFactory(payload={"script": {"type": "BASH"}})
    for job in (large, small_one):
        claimed(job)
    first, second = whole(send(api, "get", "/jobs/orphaned"))

    assert (first["id"], "execution" in first, first["shortened"]) == (large.id, False, [{"path": "metadata.note", "bytes": 60_000}])
    assert (second["id"], second["execution"]["script"], "shortened" in second) == (small_one.id, {"type": "BASH"}, False)
    for _ in range(20):
        claimed(JobFactory(payload=script))
    with override_settings(ANSWER_LIMIT=65536 + 10_000):
        answer = send(api, "get", "/jobs/orphaned")
        told = whole(answer, 65536 + 10_000)
    assert (0 < len(told) < 22, answer["X-Total-Count"]) == (True, "22")
    assert all(job["lease"]["token"].startswith("1.") for job in told)


def test_a_list_of_new_jobs_is_answered_within_the_limit(api: APIClient, small: None) -> None:
    # Three bytes each when sent, twelve when told.
    body = b"[" + b",".join([b'{"type": "t", "payload": [%s]}' % b",".join([b"1e9"] * 500)] * 100) + b"]"
    answer = whole(api.post(f"{BASE}/jobs", body, content_type="application/json", headers={"Idempotency-Key": "k"}))
    again = api.post(f"{BASE}/jobs", body, content_type="application/json", headers={"Idempotency-Key": "k"})

    assert len(answer["jobs"]) == Job.objects.count() == 100
    assert answer["shortened"][0]["path"] == "jobs[0].payload"
    assert again.json() == answer
    assert whole(send(api, "get", f"/jobs/{answer['jobs'][0]['id']}"))["payload"] == [1e9] * 500


@pytest.mark.parametrize(
    "payload", ["x" * 300_000, "\x01" * 50_000, "€" * 100_000, [1e17] * 30_000], ids=["text", "control", "multi-byte", "numbers"]
)
def test_a_job_that_no_claim_could_hand_out_is_refused(payload: Any, api: APIClient, small: None) -> None:
    ended, queued = JobFactory(status="completed"), JobFactory(payload="x" * 200_000)
    for answer in (
        send(api, "post", "/jobs", {"type": "t", "payload": payload}),
        send(api, "post", "/jobs", [{"type": "t", "payload": 1}, {"type": "t", "payload": payload}]),
        send(api, "post", f"/jobs/{ended.id}/run-again", {"payload": payload}),
        send(api, "patch", f"/jobs/{queued.id}", {"metadata": {"note": payload}}),
    ):
        details = assert_error(answer, 413, "PAYLOAD_TOO_LARGE")
        assert details["limit"] == SMALL - 128 * 1024 < details["length"]
    assert Job.objects.count() == 2


@pytest.mark.parametrize("payload", ["\x01" * 44_000, [1e17] * 12_000, [1e300] * 38_000])
def test_the_largest_job_is_handed_out_whole_whatever_its_last_run_left(payload: Any, api: APIClient, small: None) -> None:
    job = JobFactory(status="running", payload={"script": {"content": "x"}, "n": payload}, max_attempts=2)
    whole(send(api, "post", f"/jobs/{job.id}/fail", {"error": "\x01" * 100_000, "output": "o" * 300_000, "retryAfterSeconds": 0}))
    (told,) = (answer := whole(send(api, "get", "/jobs/queue")))["jobs"]

    assert told["payload"] == {"script": {"content": "x"}, "n": payload}
    assert told["lease"]["token"]
    assert all(cut["path"].startswith(("jobs[0].result", "jobs[0].lastError")) for cut in answer["shortened"])


def test_a_report_that_is_refused_tells_the_beginning_of_the_error(api: APIClient) -> None:
    job = JobFactory(status="running")
    send(api, "post", f"/jobs/{job.id}/fail", {"error": "€" * 5000})
    details = assert_error(send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0}), 409, "ALREADY_FINISHED")

    assert (details["outcome"]["error"], details["outcome"]["errorBytes"]) == ("€" * 2000, 15_000)


def test_the_answer_to_a_report_fits_too(api: APIClient, small: None) -> None:
    job = JobFactory(status="running", metadata={"note": "\x01" * 60_000})
    answer = whole(send(api, "post", f"/jobs/{job.id}/fail", {"error": "\x01" * 100_000}))

    assert {cut["path"] for cut in answer["shortened"]} == {"job.metadata.note", "job.lastError"}


def test_the_output_of_every_run_can_be_read_whole(api: APIClient) -> None:
    job = JobFactory(status="running", max_attempts=2)
    send(api, "post", f"/jobs/{job.id}/fail", {"error": "busy", "output": {"stdout": "one", "stderr": "€rr"}, "retryAfterSeconds": 0})

    def read(query: str = "") -> str:
        answer = send(api, "get", f"/jobs/{job.id}/output.txt{query}")
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; charset=utf-8")
        return b"".join(answer.streaming_content).decode()

    assert (read(), read("?stream=stderr"), read("?epoch=1&stream=stderr"), read("?epoch=2")) == ("one", "€rr", "€rr", "")
    claimed(job)
    # The second run has not ended: the first one's is the newest there is.
    assert read() == "one"
    send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "output": "two"})
    assert (read(), read("?epoch=1"), read("?epoch=2&stream=stderr")) == ("two", "one", "")
    for query in ("?stream=system", "?epoch=0", "?epoch=x", "?run=1"):
        assert_error(send(api, "get", f"/jobs/{job.id}/output.txt{query}"), 400, "VALIDATION_INVALID_PARAMS")
    assert_error(send(api, "get", "/jobs/job_unknown/output.txt"), 404, "JOB_NOT_FOUND")


def test_one_entry_that_is_larger_than_an_answer_is_told_shorter(api: APIClient, small: None) -> None:
    job = JobFactory()
    job.edit(by=STAFF, metadata={"note": "\x01" * 100_000})
    entries: list[Any] = []
    reached: int | None = -1
    while reached is not None:
        answer = whole(send(api, "get", f"/jobs/{job.id}/history?after={reached}"))
        entries += answer["entries"]
        reached = answer["next"]

    assert [entry["action"] for entry in entries] == ["enqueue", "edit"]
    assert [cut["path"] for cut in answer["shortened"]] == ["entries[0].detail.changes.metadata.note"]
