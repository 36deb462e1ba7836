"""`execution`: told with every job whose payload is what it says, and left out for one value of another type."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.factories import JobFactory
from tests.orchestration_api.wire import send

WHOLE = {
    "script": {"type": "BASH", "content": "true"},
    "http": {"method": "GET", "url": "http://localhost/"},
    "target": {"type": "container", "image": "alpine"},
    "environment": {"LANG": "C"},
    "resources": {"cpu": 0.5, "memory": 512},
    "retryPolicy": {"maxAttempts": 3},
    "inputData": {"rows": [1, None, {"deep": True}]},
    "variables": {"any": ["thing"]},
}
OF_STRINGS = ("script", "http", "target", "environment")
OF_NUMBERS = ("resources", "retryPolicy")
NO_OBJECTS: list[Any] = [None, True, 0, 1.5, "text", [], ["text"]]
NO_STRINGS: list[Any] = [None, True, 1, 1.5, [], {}, ["text"]]
NO_NUMBERS: list[Any] = [None, True, "1", [], {}]
WRONG: list[tuple[str, Any]] = [
    *((key, value) for key in WHOLE for value in NO_OBJECTS),
    *((key, {"a": value}) for key in OF_STRINGS for value in NO_STRINGS),
    *((key, {"a": value}) for key in OF_NUMBERS for value in NO_NUMBERS),
]


def told(api: APIClient, payload: Any, **fields: Any) -> list[dict[str, Any]]:
    """The job of this payload as a claim tells it, and as `orphaned` does."""
    job = JobFactory(payload=payload, **fields)
    answers = (send(api, "get", "/jobs/queue").json()["jobs"], send(api, "get", "/jobs/orphaned").json())
    return [next(each for each in answer if each["id"] == job.id) for answer in answers]


@pytest.mark.parametrize("key", ["script", "http"])
def test_target_and_environment_are_filled_in_and_the_timeout_is_the_job_s(api: APIClient, key: str) -> None:
    payload = {key: WHOLE[key], "timeout": "an hour", "note": ["kept", None]}
    for job in told(api, payload, timeout_seconds=90):
        assert job["execution"] == {**payload, "timeout": 90, "target": {"type": "local"}, "environment": {}}


def test_what_is_there_is_told_as_it_is(api: APIClient) -> None:
    for job in told(api, WHOLE, timeout_seconds=90):
        assert job["execution"] == {**WHOLE, "timeout": 90}


@pytest.mark.parametrize("payload", [None, 1, "script", ["script"], {}, {"rows": 1}, {"target": {}, "environment": {}}])
def test_a_payload_with_neither_script_nor_http_has_none(api: APIClient, payload: Any) -> None:
    assert not any("execution" in job for job in told(api, payload))


@pytest.mark.parametrize(("key", "value"), WRONG, ids=str)
def test_one_value_of_another_type_leaves_it_out_and_the_payload_as_it_was(api: APIClient, key: str, value: Any) -> None:
    payload = {"script": WHOLE["script"], key: value}
    claimed, orphaned = told(api, payload)

    assert "execution" not in claimed
    assert "execution" not in orphaned
    assert claimed["payload"] == payload


def test_one_job_without_it_takes_it_from_no_other(api: APIClient) -> None:
    right, wrong = JobFactory(payload=WHOLE), JobFactory(payload=WHOLE | {"environment": {"N": 1}})
    jobs = {job["id"]: job for job in send(api, "post", "/jobs/claim").json()["jobs"]}

    assert ["execution" in jobs[job.id] for job in (right, wrong)] == [True, False]
