"""Cancels with proof: asked for, seen by the holder, stopped; or ignored until they were forced."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from jobs import leases
from jobs.actors import Actor, Holder
from jobs.cancels import Proof, ignored_cancels, proof_of
from jobs.leases import Pulse
from jobs.models import Job
from jobs.outcomes import Report
from jobs.sweeps import sweep
from tests.factories import HOLDER, OTHER, PRODUCER, STAFF, JobFactory, running
from tests.ledger import assert_sound, entries

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def cancelling(status: str = "running", **fields: Any) -> Job:
    job = JobFactory(status=status, **fields)
    job.cancel(by=STAFF)
    return job


def seen_at(job: Job) -> datetime | None:
    return Job.objects.get(id=job.id).cancel_seen_at


def proof(job: Job) -> Proof | None:
    job.refresh_from_db()
    return proof_of(job, entries(job)[::-1])


def overdue(job: Job) -> None:
    Job.objects.filter(id=job.id).update(cancel_requested_at=datetime.now(UTC) - timedelta(seconds=61))
    sweep(by=Actor.sweep())
    job.refresh_from_db()


WIRE = "/api/internal"
# Ways in which an answer tells a holder that a cancel is pending: the status of the job, and the call.
WAYS: dict[str, tuple[str, Callable[[APIClient, Job], Any]]] = {
    "heartbeat that names it": (
        "running",
        lambda api, job: api.post(f"{WIRE}/orchestrator/heartbeat", {"runningJobs": [job.id]}, format="json"),
    ),
    "heartbeat that does not": ("running", lambda api, job: api.post(f"{WIRE}/orchestrator/heartbeat", {"runningJobs": []}, format="json")),
    "acknowledge": ("claimed", lambda api, job: api.post(f"{WIRE}/jobs/{job.id}/acknowledge", {}, format="json")),
    "acknowledge, once more": ("running", lambda api, job: api.post(f"{WIRE}/jobs/{job.id}/acknowledge", {}, format="json")),
    "start": ("claimed", lambda api, job: api.put(f"{WIRE}/jobs/{job.id}/status", {"status": "running"}, format="json")),
    "start, once more": ("running", lambda api, job: api.put(f"{WIRE}/jobs/{job.id}/status", {"status": "running"}, format="json")),
    "phase": ("running", lambda api, job: api.put(f"{WIRE}/jobs/{job.id}/status", {"status": "preparing"}, format="json")),
    "progress in a batch": (
        "running",
        lambda api, job: api.post(
            f"{WIRE}/jobs/status", {"updates": [{"jobId": job.id, "action": "progress", "progress": 4}]}, format="json"
        ),
    ),
    "renewal": (
        "running",
        lambda api, job: api.post(
            f"{WIRE}/jobs/{job.id}/lease/renew", {"renewalToken": leases.token_of(Job.objects.get(id=job.id))}, format="json"
        ),
    ),
    "logs": (
        "running",
        lambda api, job: api.post(
            f"{WIRE}/jobs/{job.id}/logs", {"entries": [{"sequence": 0, "stream": "stdout", "line": "on"}]}, format="json"
        ),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_is_seen_when_an_answer_first_tells_the_holder(way: str, api: APIClient) -> None:
    status, call = WAYS[way]
    job = cancelling(status)
    updated_at = Job.objects.get(id=job.id).updated_at
    before = datetime.now(UTC)
    assert call(api, job).status_code == 200
    first = seen_at(job)
    assert first is not None
    assert before <= first <= datetime.now(UTC)
    assert call(api, job).status_code == 200

    assert seen_at(job) == first
    assert way in ("acknowledge", "start") or Job.objects.get(id=job.id).updated_at == updated_at, "being told is no change of the job"
    assert_sound(job.id)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_seen_where_nothing_was_asked(way: str, api: APIClient) -> None:
    status, call = WAYS[way]
    job = JobFactory(status=status)
    assert call(api, job).status_code == 200

    assert seen_at(job) is None


def test_who_does_not_hold_it_sees_nothing_for_its_holder() -> None:
    job = cancelling()
    leases.heartbeat(Pulse(named=[{"job_id": job.id}]), by=OTHER)

    assert seen_at(job) is None


def test_of_many_jobs_each_is_seen_and_renewed_by_one_heartbeat() -> None:
    named, unnamed, at_peace = cancelling(), cancelling(), JobFactory(status="running")
    answer = leases.heartbeat(Pulse(named=[{"job_id": job.id} for job in (named, at_peace)]), by=HOLDER)

    assert (sorted(answer.cancel), answer.unreported) == (sorted([named.id, unnamed.id]), [unnamed.id])
    assert [seen_at(job) is not None for job in (named, unnamed, at_peace)] == [True, True, False]
    assert len(answer.leases) == 2


def test_a_holder_that_stops_leaves_the_proof() -> None:
    job = cancelling()
    leases.heartbeat(Pulse(named=[{"job_id": job.id}]), by=HOLDER)
    waiting = proof(job)
    assert waiting is not None
    assert (waiting.requested_by, waiting.holder, waiting.outcome) == ("anna", "orch-1", "waits for orch-1")
    job.cancel(by=HOLDER)

    found = proof(job)
    assert found is not None
    assert (found.seen_at, found.may_run_on, found.outcome) == (seen_at(job), None, "stopped by orch-1")
    detail = entries(job)[-1].detail
    assert detail is not None
    asked = detail["cancel"]
    assert [datetime.fromisoformat(asked[name]) for name in ("requestedAt", "seenAt")] == [job.cancel_requested_at, job.cancel_seen_at]


def test_a_deaf_holder_is_overruled_counted_and_told_of_with_its_host() -> None:
    job = cancelling()
    leases.heartbeat(Pulse(named=[{"job_id": job.id}], hostname="worker-7.example"), by=HOLDER)
    overdue(job)

    entry = entries(job)[-1]
    assert (job.status, entry.detail and entry.detail["ignoredBy"], entry.detail and entry.detail["host"]) == (
        "cancelled",
        "orch-1",
        "worker-7.example",
    )
    assert entry.reason is not None
    for part in (
        "Cancel requested by anna at ",
        ", seen by orch-1 at ",
        ", ignored for 61 s: forced.",
        "still be running on host worker-7.",
    ):
        assert part in entry.reason
    found = proof(job)
    assert found is not None
    assert found.outcome == "forced; it may still be running on host worker-7.example"
    assert (ignored_cancels("orch-1", DAY), ignored_cancels("orch-2", DAY)) == ([1], [0])


def test_a_dead_holder_has_not_ignored_it() -> None:
    job = cancelling()
    leases.heartbeat(Pulse(named=[{"job_id": job.id}]), by=HOLDER)
    Job.objects.filter(id=job.id).update(lease_expires_at=datetime.now(UTC))
    sweep(by=Actor.sweep())

    reason = entries(job)[-1].reason or ""
    assert re.search(r", seen by orch-1 at [^,]+, whose lease ran out at ", reason)
    assert reason.endswith("It may still be running at orch-1, of which no host is known.")
    assert ignored_cancels("orch-1", DAY) == [0]


def test_who_was_never_told_has_not_ignored_it() -> None:
    job = cancelling()
    overdue(job)

    reason = entries(job)[-1].reason or ""
    assert "never seen by orch-1: forced. It may still be running" in reason
    assert ignored_cancels("orch-1", DAY) == [0]


def test_a_claim_that_was_not_started_runs_nowhere() -> None:
    job = cancelling("claimed")
    overdue(job)

    assert (entries(job)[-1].reason or "").endswith(": forced.")
    found = proof(job)
    assert found is not None
    assert (found.may_run_on, found.outcome) == (None, "forced before it was started")


def test_staff_who_force_it_do_not_make_it_stop() -> None:
    job = cancelling()
    job.cancel(by=STAFF, force=True)

    found = proof(job)
    assert found is not None
    assert found.outcome == "forced; it may still be running on the host of orch-1"
    assert ignored_cancels("orch-1", DAY) == [0]


def test_a_completion_that_came_first_is_told_as_that() -> None:
    job = cancelling()
    job.complete(Report(exit_code=0), by=HOLDER)

    found = proof(job)
    assert found is not None
    assert found.outcome == "too late: the run had completed"


@pytest.mark.parametrize("holder", [HOLDER, OTHER])
def test_a_retry_begins_without_it(holder: Holder) -> None:
    job = cancelling()
    leases.heartbeat(Pulse(), by=HOLDER)
    job.cancel(by=HOLDER)
    job.retry(by=STAFF)
    assert (seen_at(job), proof(job)) == (None, None)
    running(job, holder)

    assert (seen_at(job), proof(job)) == (None, None)


def test_a_queued_job_is_cancelled_at_once_and_needs_no_proof() -> None:
    job = JobFactory()
    job.cancel(by=PRODUCER)

    assert proof(job) is None


def test_the_pages_of_job_and_orchestrator_tell_it(admin_client: Client) -> None:
    job = cancelling()
    leases.heartbeat(Pulse(named=[{"job_id": job.id}], hostname="worker-7.example"), by=HOLDER)
    overdue(job)
    page = admin_client.get(f"/admin/jobs/job/{job.id}/change/").content.decode()
    fleet = admin_client.get("/admin/jobs/orchestrator/orch-1/change/").content.decode()

    assert "forced; it may still be running on host worker-7.example" in page
    assert "by anna; seen" in page
    assert "1 in 24 hours, 1 in 30 days" in fleet


def test_the_count_goes_by_its_index(sql: Callable[..., list[tuple[Any, ...]]]) -> None:
    counted = "select count(*) from audit_log where actor_kind = 'sweep' and action = 'cancel' and (detail ->> 'ignoredBy') = 'orch-1'"
    sql("set local enable_seqscan = off")

    assert any("audit_log_ignored" in line for (line,) in sql(f"explain {counted}"))
