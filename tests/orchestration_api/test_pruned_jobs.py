"""A job that was deleted when its time was over: it is gone, and its history is told as before, to whoever could read it."""

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from jobs import retention
from jobs.models import Job
from jobs.retention import Periods
from tests.factories import HOLDER, PRODUCER, STAFF
from tests.orchestration_api import access
from tests.orchestration_api.wire import assert_error, send
from tests.past import ended

MONTH = timedelta(days=30)


@pytest.fixture
def pruned(db: None) -> Job:
    """A job that is deleted; the object knows what it was."""
    job = ended("failed", days=31, lines=3)
    retention.prune(Periods(completed=MONTH, failed=MONTH, logs=MONTH), by=STAFF)
    return job


@pytest.mark.parametrize("path", ["", "/attempts", "/logs", "/logs.txt", "/output.txt"])
def test_it_is_gone(api: APIClient, pruned: Job, path: str) -> None:
    assert_error(send(api, "get", f"/jobs/{pruned.id}{path}"), 404, "JOB_NOT_FOUND")


@pytest.mark.parametrize("order", ["cancel", "retry", "run-again", "release"])
def test_nothing_can_be_asked_of_it(api: APIClient, pruned: Job, order: str) -> None:
    assert_error(send(api, "post", f"/jobs/{pruned.id}/{order}", {}), 404, "JOB_NOT_FOUND")


def test_its_history_ends_with_what_it_was(api: APIClient, pruned: Job) -> None:
    entries = send(api, "get", f"/jobs/{pruned.id}/history").json()["entries"]

    assert [entry["action"] for entry in entries] == ["enqueue", "claim", "start", "fail", "retry", "claim", "fail", "prune"]
    assert (entries[-1]["actor"], entries[-1]["detail"]["type"]) == (STAFF.name, pruned.type)
    assert send(api, "get", f"/jobs/{pruned.id}/timing").json()["stretches"]


@pytest.mark.parametrize("path", ["/history", "/timing"])
def test_its_history_is_told_to_those_who_could_read_it_and_to_nobody_else(pruned: Job, path: str) -> None:
    tokens = {
        access.token("enqueue", name=PRODUCER.name): 200,
        access.token("enqueue", name="another"): 404,
        access.token("orchestrate", name="holder", orchestrator_id=HOLDER.name): 200,
        access.token("orchestrate", name="stranger", orchestrator_id="another"): 404,
        access.token("read", name="reader"): 200,
    }
    for token, status in tokens.items():
        client = APIClient(headers={"Authorization": f"Bearer {token}"})
        assert send(client, "get", f"/jobs/{pruned.id}{path}").status_code == status
