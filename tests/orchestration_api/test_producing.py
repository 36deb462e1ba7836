"""What keeps producers from asking for the same work twice."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.models import Job
from tests.factories import JobFactory
from tests.orchestration_api.wire import assert_error, send

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
