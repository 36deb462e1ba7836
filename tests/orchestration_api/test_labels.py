"""Labels on the wire: what a producer may require, what an orchestrator may declare, and what is refused."""

from typing import Any

import pytest
from django.http import HttpResponse
from rest_framework.test import APIClient

from jobs.models import Job, Orchestrator
from tests.orchestration_api.wire import assert_error, send


def make(api: APIClient, **fields: Any) -> dict[str, Any]:
    told: dict[str, Any] = send(api, "post", "/jobs", {"type": "render", "payload": None, **fields}).json()["job"]
    return told


def claimed(api: APIClient, **terms: Any) -> list[str]:
    return [job["id"] for job in send(api, "post", "/jobs/claim", terms).json()["jobs"]]


def test_a_job_tells_what_it_requires_wherever_it_is_told(api: APIClient) -> None:
    made = make(api, labels=["region:eu", "gpu", "gpu"])
    assert made["labels"] == ["gpu", "region:eu"]

    (job,) = send(api, "post", "/jobs/claim", {"labels": ["gpu", "region:eu", "fast"]}).json()["jobs"]
    told = [
        job,
        send(api, "get", f"/jobs/{made['id']}").json(),
        send(api, "get", "/jobs/orphaned").json()[0],
        send(api, "get", "/jobs?label=gpu").json()["results"][0],
        send(api, "put", f"/jobs/{made['id']}/status", {"status": "running"}).json()["job"],
    ]
    assert [each["labels"] for each in told] == [["gpu", "region:eu"]] * len(told)
    assert [make(api)["labels"], make(api, labels=[])["labels"], make(api, labels=None)["labels"]] == [[], [], []]


@pytest.mark.parametrize(
    "labels",
    [
        "gpu",
        {"gpu": True},
        [7],
        [""],
        ["a b"],
        ["gpu,fast"],
        ["ü"],
        ["x" * 64],
        ["gpu\n"],
        [f"label-{number}" for number in range(17)],
    ],
    ids=repr,
)
def test_labels_of_another_form_are_refused(api: APIClient, labels: Any) -> None:
    refused = send(api, "post", "/jobs", {"type": "render", "payload": None, "labels": labels})
    assert _wrong(refused) == {"labels"}
    assert not Job.objects.exists()


@pytest.mark.parametrize("path", ["/jobs/claim", "/orchestrator/heartbeat"])
@pytest.mark.parametrize("labels", ["gpu", ["a b"], [f"label-{number}" for number in range(101)]], ids=["a word", "a space", "101"])
def test_nobody_declares_what_no_job_can_require(api: APIClient, path: str, labels: Any) -> None:
    assert _wrong(send(api, "post", path, {"labels": labels})) == {"labels"}


def test_as_many_labels_as_may_be_are_taken(api: APIClient) -> None:
    most = [f"{'x' * 60}{number:03}" for number in range(100)]
    job = make(api, labels=most[:16])

    assert claimed(api, labels=most) == [job["id"]]


@pytest.mark.parametrize(("query", "gets"), [("labels=gpu,fast", True), ("labels=fast", False), ("labels=", False), ("", False)])
def test_the_claiming_get_declares_labels_in_its_query(api: APIClient, query: str, gets: bool) -> None:
    job = make(api, labels=["gpu"])
    told = send(api, "get", f"/jobs/queue?{query}").json()

    assert [each["id"] for each in told["jobs"]] == ([job["id"]] if gets else [])
    assert told["metadata"]["queueSize"] == 0


def test_the_claiming_get_refuses_labels_of_another_form(api: APIClient) -> None:
    assert _wrong(send(api, "get", "/jobs/queue?labels=a%20b")) == {"labels"}


def test_a_claim_without_labels_goes_by_the_last_heartbeat_that_told_some(api: APIClient) -> None:
    job = make(api, labels=["gpu"])
    assert send(api, "post", "/orchestrator/heartbeat", {"labels": ["fast", "gpu"]}).status_code == 200
    assert send(api, "post", "/orchestrator/heartbeat", {"labels": None}).status_code == 200
    assert Orchestrator.objects.get().labels == ["fast", "gpu"]

    assert claimed(api, labels=[]) == []
    assert claimed(api) == [job["id"]]


def test_a_claim_after_a_batch_declares_labels_too(api: APIClient) -> None:
    job = make(api, labels=["gpu"])
    answer = send(api, "post", "/jobs/status", {"updates": [], "claim": {"batchSize": 1, "labels": ["gpu"]}}).json()

    assert [each["id"] for each in answer["jobs"]] == [job["id"]]


def test_a_heartbeat_tells_its_process(api: APIClient) -> None:
    assert send(api, "post", "/orchestrator/heartbeat", {"hostname": "host-1", "instanceId": "p-1"}).json().get("ignored") is None
    assert Orchestrator.objects.get().place == "host-1 p-1"
    assert_error(send(api, "post", "/orchestrator/heartbeat", {"instanceId": "a b"}), 400, "VALIDATION_INVALID_PARAMS")


def _wrong(refused: HttpResponse) -> set[str]:
    """The fields that were refused, without the place in a list."""
    return {name.partition(".")[0] for name in assert_error(refused, 400, "VALIDATION_INVALID_PARAMS")["fields"]}
