"""Reports that come again, and reports that come too late: what the contract says of them, whichever way they come."""

import hashlib
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs import leases
from jobs.models import AuditEntry, Job
from tests.factories import HOLDER, OTHER, JobFactory, claimed
from tests.orchestration_api.both_ways import Told, by_single_call, in_one_batch, story
from tests.orchestration_api.situations import SITUATIONS
from tests.orchestration_api.wire import send

WAYS = ("single call", "batch")
FINISH = {"action": "complete", "exitCode": 0, "output": "so it went"}


def tell(api: APIClient, way: str, update: dict[str, Any]) -> Told:
    return by_single_call(api, update) if way == "single call" else in_one_batch(api, [update])[0]


def token_of(job: Job, epoch: int) -> str:
    return leases.token_of(Job(id=job.id, epoch=epoch, orchestrator_id=HOLDER.name))


# situation, epoch of the token that is sent (0: a forged one), the code of the refusal, epoch of the late_report that is left
TOO_LATE = [
    ("expired", None, "LEASE_EXPIRED", 1),
    ("expired", 1, "LEASE_EXPIRED", 1),
    ("expired", 0, "LEASE_LOST", None),
    ("held again", 1, "LEASE_LOST", 1),
    ("held again", 0, "LEASE_LOST", None),
    ("taken over", None, "NOT_JOB_OWNER", 1),
    ("taken over", 1, "LEASE_LOST", 1),
    ("taken over", 0, "LEASE_LOST", None),
    ("another's", None, "NOT_JOB_OWNER", None),
    ("queued", None, "NOT_JOB_OWNER", None),
    ("retried", None, "ALREADY_FINISHED", None),
    ("retried", 1, "ALREADY_FINISHED", None),
    ("completed", None, "ALREADY_FINISHED", None),
    ("failed", 1, "ALREADY_FINISHED", None),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("situation", "epoch", "code", "kept"), TOO_LATE)
def test_a_verdict_that_comes_too_late(api: APIClient, way: str, situation: str, epoch: int | None, code: str, kept: int | None) -> None:
    job = SITUATIONS[situation]()
    before = story(job.id)
    update = {"jobId": job.id, **FINISH} | ({} if epoch is None else {"leaseToken": token_of(job, epoch) if epoch else "1.forged"})
    told = [tell(api, way, update), tell(api, way, {**update, "exitCode": 4})]

    assert [(answer["ok"], answer["error"]["code"]) for answer in told] == [(False, code)] * 2
    assert all(answer["error"]["details"]["nextAction"] == "abandon" for answer in told)
    assert ("outcome" in told[0]["error"]["details"]) == (code == "ALREADY_FINISHED")
    late = AuditEntry.objects.filter(job_id=job.id, action="late_report")
    assert [entry.epoch for entry in late] == [kept] * (kept is not None)
    # Of the job itself nothing changes but the number of its entries, and of which claims one is kept.
    assert story(job.id)[:11] == before[:11]


@pytest.mark.parametrize("way", WAYS)
def test_of_a_late_verdict_the_error_is_kept_up_to_a_limit_and_of_the_output_length_and_hash(api: APIClient, way: str) -> None:
    job = SITUATIONS["expired"]()
    update = {"jobId": job.id, "action": "fail", "error": "x" * 100_000, "output": {"stdout": "secret", "stderr": ""}}
    tell(api, way, update)
    detail = AuditEntry.objects.get(job_id=job.id, action="late_report").detail

    assert detail is not None
    assert (detail["error"], detail["errorBytes"]) == ("x" * 65536, 100_000)
    assert detail["output"]["stdout"] == {"bytes": 6, "sha256": hashlib.sha256(b"secret").hexdigest()}


@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("since", ["waits", "is another's", "is its own again", "has ended"])
def test_the_same_report_is_known_again_whatever_became_of_the_job(api: APIClient, way: str, proven: bool, since: str) -> None:
    job = JobFactory(status="running", max_attempts=3)
    update = {"jobId": job.id, "action": "fail", "error": "busy", "retryAfterSeconds": 0}
    update |= {"leaseToken": token_of(job, 1)} if proven else {}
    assert tell(api, way, update)["nextAction"] == "retry"
    if since != "waits":
        claimed(job, OTHER if since == "is another's" else HOLDER)
    if since == "has ended":
        job.complete(by=HOLDER)
    before = story(job.id)
    again = tell(api, way, update)

    # Without a token a holder speaks of the claim it holds: there it is a report like any other.
    if since == "is its own again" and not proven:
        assert (again["ok"], again["replayed"]) == (True, None)
    else:
        assert (again["ok"], again["replayed"]) == (True, True)
        assert story(job.id) == before


@pytest.mark.parametrize("since", ["runs", "has ended", "waits", "is another's"])
def test_a_beginning_that_is_said_again_begins_nothing_that_is_over(api: APIClient, since: str) -> None:
    job = JobFactory(status="claimed")
    starts = f"/jobs/{job.id}/status", {"status": "running", "leaseToken": token_of(job, 1)}
    assert send(api, "put", *starts).json()["nextAction"] == "continue"
    if since == "has ended":
        job.complete(by=HOLDER)
    elif since != "runs":
        job.release(by=HOLDER)
    if since == "is another's":
        claimed(job, OTHER)
    again = send(api, "put", *starts).json()

    assert (again["replayed"], again["nextAction"]) == (True, "continue" if since == "runs" else "abandon")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("since", ["waits", "is another's", "has ended"])
def test_a_refusal_tells_how_that_run_ended_whatever_became_of_the_job(api: APIClient, way: str, since: str) -> None:
    job = SITUATIONS["retried"]()
    if since != "waits":
        claimed(job, OTHER)
    if since == "has ended":
        job.complete(by=OTHER)
    outcome = tell(api, way, {"jobId": job.id, **FINISH})["error"]["details"]["outcome"]

    told = {"status": "failed", "exitCode": None, "error": "busy", "errorCategory": "unknown", "attempts": 1, "completedAt": "<time>"}
    assert outcome == told


def test_who_sends_a_report_and_what_it_leaves_out_is_not_what_it_says(api: APIClient) -> None:
    job = JobFactory(status="running")
    send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "orchestratorId": HOLDER.name, "error": None, "timestamp": None})

    assert send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0}).json()["replayed"] is True
    assert send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "output": ""}).status_code == 409
