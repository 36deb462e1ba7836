"""Section 3 of the contract, where no other test holds its sentences."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from jobs import times
from jobs.actors import Actor
from jobs.claiming import queue_size
from jobs.enqueueing import NewJob, enqueue
from jobs.models import Job
from tests.factories import PRODUCER, JobFactory
from tests.orchestration_api.wire import send


def test_a_claim_takes_ten_unless_it_says_how_many(api: APIClient) -> None:
    enqueue([NewJob(type="t")] * 12, by=PRODUCER)

    assert send(api, "post", "/jobs/claim").json()["count"] == 10


@pytest.mark.parametrize("size", [1, 500])
def test_a_claim_takes_from_1_to_500(api: APIClient, size: int) -> None:
    enqueue([NewJob(type="t")] * 501, by=PRODUCER)
    answer = send(api, "get", f"/jobs/queue?batchSize={size}").json()

    assert (answer["count"], answer["metadata"]["queueSize"]) == (size, 501 - size)


@pytest.mark.parametrize(("waiting", "pause"), [(4, 0), (3, 1), (1, 2), (0, 5)])
def test_the_emptier_the_batch_the_later_the_next_poll(api: APIClient, waiting: int, pause: int) -> None:
    enqueue([NewJob(type="t")] * waiting, by=PRODUCER)
    told = send(api, "post", "/jobs/claim", {"batchSize": 4}).json()["metadata"]
    seconds = (times.read(told["nextPollAfter"]) - times.read(told["timestamp"])).total_seconds()

    assert seconds < 0.1 if pause == 0 else 0.75 * pause < seconds < 1.25 * pause


def test_the_queue_is_counted_to_ten_thousand_and_no_further(db: None) -> None:
    for _ in range(11):
        enqueue([NewJob(type="t")] * 1000, by=PRODUCER)

    assert queue_size() == 10_000
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from jobs")
        assert cursor.fetchone() == (11_000,)


def lease_end(answer: Any) -> datetime:
    return times.read(answer["leaseExpiresAt"])


def test_an_unacknowledged_claim_lasts_sixty_seconds_and_an_acknowledged_one_three_hundred(api: APIClient) -> None:
    job = JobFactory()
    (claim,) = send(api, "post", "/jobs/claim").json()["jobs"]
    told = send(api, "post", f"/jobs/{job.id}/acknowledge").json()

    assert lease_end(claim) - times.read(claim["claimedAt"]) == timedelta(seconds=60)
    assert lease_end(told["job"]) - times.read(told["job"]["acknowledgedAt"]) == timedelta(seconds=300)
    assert told["lease"]["expiresAt"] == told["job"]["leaseExpiresAt"]
    assert told["lease"]["token"] == told["lease"]["renewalToken"] == claim["lease"]["token"]


def test_a_heartbeat_keeps_a_lease_for_ninety_seconds_also_when_that_is_earlier(api: APIClient) -> None:
    job = JobFactory(status="running", timeout_seconds=3600)
    before = times.now()
    (kept,) = send(api, "post", "/orchestrator/heartbeat", {"runningJobs": [job.id]}).json()["leases"]

    assert before + timedelta(seconds=90) <= times.read(kept["expiresAt"]) < before + timedelta(seconds=100)
    assert job.lease_expires_at
    assert times.read(kept["expiresAt"]) < job.lease_expires_at


@pytest.mark.parametrize("way", ["claim", "orphaned"])
@pytest.mark.parametrize("kind", ["script", "http"])
def test_what_existing_orchestrators_run_comes_with_execution(api: APIClient, way: str, kind: str) -> None:
    JobFactory(payload={kind: {"content": "echo 1"}, "environment": {"A": "1"}}, timeout_seconds=77)
    JobFactory(payload={"rows": 3})
    told = send(api, "post", "/jobs/claim").json()["jobs"]
    if way == "orphaned":
        told = send(api, "get", "/jobs/orphaned").json()
    (execution,) = [job["execution"] for job in told if "execution" in job]

    assert execution == {
        kind: {"content": "echo 1"},
        "environment": {"A": "1"},
        "target": {"type": "local"},
        "timeout": 77,
    }


def test_the_header_decides_whose_orphans_are_told_and_the_query_nothing(api: APIClient) -> None:
    job = JobFactory(status="claimed")

    assert [one["id"] for one in send(api, "get", "/jobs/orphaned?orchestratorId=orch-2").json()] == [job.id]
    assert send(api, "get", "/jobs/orphaned?orchestratorId=orch-1", X_Orchestrator_ID="orch-2").json() == []


def test_a_staff_release_lets_another_orchestrator_have_the_job(api: APIClient) -> None:
    job = JobFactory(status="claimed")
    job.release(by=Actor.user("anna"))
    (claim,) = send(api, "post", "/jobs/claim", X_Orchestrator_ID="orch-2").json()["jobs"]

    assert (claim["id"], claim["epoch"], claim["attempts"]) == (job.id, 2, 0)
    assert Job.objects.get(id=job.id).orchestrator_id == "orch-2"
