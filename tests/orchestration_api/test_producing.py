"""What keeps producers from asking for the same work twice."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.chores import do_chores
from jobs.models import AuditEntry, IdempotencyKey, Job
from tests.factories import STAFF, JobFactory
from tests.orchestration_api.wire import BASE, assert_error, send

KEYED = {"type": "t", "payload": 1, "uniqueKey": "nightly"}


def test_a_unique_key_that_is_taken_is_answered_with_the_job_that_has_it(api: APIClient) -> None:
    job = send(api, "post", "/jobs", KEYED).json()["job"]
    assert job["uniqueKey"] == "nightly"

    for body in (KEYED, [{"type": "t", "payload": 1}, KEYED]):
        details = assert_error(send(api, "post", "/jobs", body), 409, "CONFLICT")
        assert details == {"jobId": job["id"], "uniqueKey": "nightly"}
    assert Job.objects.count() == 1


def test_a_list_with_a_unique_key_twice_is_a_conflict_with_no_job(api: APIClient) -> None:
    details = assert_error(send(api, "post", "/jobs", [KEYED, KEYED]), 409, "CONFLICT")

    assert details == {"jobId": None, "uniqueKey": "nightly"}
    assert Job.objects.count() == 0


def test_a_retry_and_a_run_again_are_refused_while_another_job_has_the_key(api: APIClient) -> None:
    failed = JobFactory(status="failed", unique_key="nightly")
    holder = JobFactory(unique_key="nightly")

    details = assert_error(send(api, "post", f"/jobs/{failed.id}/retry"), 409, "CONFLICT")
    assert details == {"status": "failed", "jobId": holder.id, "uniqueKey": "nightly"}
    details = assert_error(send(api, "post", f"/jobs/{failed.id}/run-again"), 409, "CONFLICT")
    assert details == {"jobId": holder.id, "uniqueKey": "nightly"}


@pytest.mark.parametrize("key", ["", "x" * 201, 5, True, ["a"], {}, "a\x00b"])
def test_a_unique_key_that_can_not_be_is_refused(api: APIClient, key: Any) -> None:
    answer = send(api, "post", "/jobs", KEYED | {"uniqueKey": key})

    assert answer.status_code in (400, 422)
    assert Job.objects.count() == 0


@pytest.mark.parametrize("key", ["a", "ä" * 200, " spaces / and \t more ", "x" * 200])
def test_a_unique_key_is_any_text_of_up_to_200_characters(api: APIClient, key: str) -> None:
    assert send(api, "post", "/jobs", KEYED | {"uniqueKey": key}).json()["job"]["uniqueKey"] == key
    assert_error(send(api, "post", "/jobs", KEYED | {"uniqueKey": key}), 409, "CONFLICT")


def test_a_call_sent_again_under_its_key_is_answered_like_the_first_and_done_once(api: APIClient) -> None:
    body = [{"type": "t", "payload": {"n": 1e22, "text": "ä"}}, {"type": "t", "payload": 2}]
    first = send(api, "post", "/jobs", body, Idempotency_Key="order 17")
    again = send(api, "post", "/jobs", body, Idempotency_Key="order 17")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert ("Idempotency-Replayed" in first, again["Idempotency-Replayed"]) == (False, "true")
    assert again["Content-Type"] == "application/json"
    assert Job.objects.count() == 2


@pytest.mark.parametrize(("verb", "status"), [("cancel", "queued"), ("cancel", "running"), ("retry", "failed"), ("run-again", "completed")])
def test_every_order_takes_a_key(api: APIClient, verb: str, status: str) -> None:
    job = JobFactory(status=status)
    first = send(api, "post", f"/jobs/{job.id}/{verb}", {}, Idempotency_Key="k")
    before = AuditEntry.objects.count()
    again = send(api, "post", f"/jobs/{job.id}/{verb}", {}, Idempotency_Key="k")

    assert first.status_code in (200, 201)
    assert (again.status_code, again.content, again["Idempotency-Replayed"]) == (first.status_code, first.content, "true")
    assert AuditEntry.objects.count() == before


def test_a_key_that_was_used_for_another_call_is_refused(api: APIClient) -> None:
    job, other = JobFactory(), JobFactory()
    send(api, "post", f"/jobs/{job.id}/cancel", {"reason": "a"}, Idempotency_Key="k")

    for path, body in (
        (f"/jobs/{job.id}/cancel", {"reason": "b"}),
        (f"/jobs/{other.id}/cancel", {"reason": "a"}),
        (f"/jobs/{job.id}/retry", {"reason": "a"}),
        ("/jobs", {"type": "t", "payload": 1}),
    ):
        assert_error(send(api, "post", path, body, Idempotency_Key="k"), 422, "IDEMPOTENCY_MISMATCH")
    other.refresh_from_db()
    assert other.status == "queued"
    assert Job.objects.count() == 2


def test_what_was_refused_may_be_tried_again_under_its_key(api: APIClient) -> None:
    holder = JobFactory(unique_key="nightly")
    assert_error(send(api, "post", "/jobs", KEYED, Idempotency_Key="k"), 409, "CONFLICT")
    assert_error(send(api, "post", "/jobs", {"type": "!"}, Idempotency_Key="k"), 400, "VALIDATION_MISSING_FIELD")
    assert IdempotencyKey.objects.count() == 0

    holder.cancel(by=STAFF)
    assert send(api, "post", "/jobs", KEYED, Idempotency_Key="k").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "ä", "a\x7fb"])
def test_a_key_that_can_not_be_is_refused(api: APIClient, key: str) -> None:
    details = assert_error(send(api, "post", "/jobs", {"type": "t", "payload": 1}, Idempotency_Key=key), 400, "VALIDATION_INVALID_PARAMS")

    assert details == {"fields": {"Idempotency-Key": ["malformed"]}}
    assert Job.objects.count() == 0


@pytest.mark.parametrize("key", ["x" * 255, " ~!\"'(),;", "8e03978e-40d5-43e8-bc93-6894a57f9324"])
def test_a_key_is_any_printable_ascii(api: APIClient, key: str) -> None:
    calls = [send(api, "post", "/jobs", {"type": "t", "payload": 1}, Idempotency_Key=key) for _ in range(2)]

    assert [call.status_code for call in calls] == [201, 201]
    assert Job.objects.count() == 1


def test_both_keys_of_a_rotation_are_one_caller(api: APIClient, settings: Any) -> None:
    first = send(api, "post", "/jobs", {"type": "t", "payload": 1}, Idempotency_Key="k")
    settings.INTERNAL_API_KEYS = [*settings.INTERNAL_API_KEYS, "the-next-key-while-the-old-one-lives"]
    again = send(
        api, "post", "/jobs", {"type": "t", "payload": 1}, Idempotency_Key="k", Authorization="Bearer the-next-key-while-the-old-one-lives"
    )

    assert again.content == first.content


def test_a_key_is_forgotten_after_a_day(api: APIClient, sql: Callable[..., object]) -> None:
    for key in ("old", "older", "new"):
        send(api, "post", "/jobs", {"type": "t", "payload": 1}, Idempotency_Key=key)
    sql("update idempotency_keys set answered_at = answered_at - interval '24 hours' where key <> 'new'")

    # Expired, though no sweep has come yet: a new call.
    assert "Idempotency-Replayed" not in send(api, "post", "/jobs", {"type": "t", "payload": 1}, Idempotency_Key="old")
    do_chores()
    assert set(IdempotencyKey.objects.values_list("key", flat=True)) == {"old", "new"}
    assert send(api, "post", "/jobs", {"type": "t", "payload": 1}, Idempotency_Key="old")["Idempotency-Replayed"] == "true"


def test_a_body_that_is_not_taken_is_told_before_its_key_is_looked_at(api: APIClient) -> None:
    send(api, "post", "/jobs", {"type": "t", "payload": 1}, Idempotency_Key="k")

    answer = api.post(f"{BASE}/jobs", b" " * (8 * 1024 * 1024 + 1), content_type="application/json", headers={"Idempotency-Key": "k"})
    assert_error(answer, 413, "PAYLOAD_TOO_LARGE")
