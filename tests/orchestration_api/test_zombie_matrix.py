"""Everybody who must not report, with every report, in every state of the job: the refusal that is due, and nothing of the job changes."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.models import AuditEntry, Job, LogLine
from jobs.outcomes import ERROR_LOGGED
from tests.orchestration_api.scrutiny import undone
from tests.orchestration_api.wire import assert_error, send
from tests.orchestration_api.zombies import STATES, ZOMBIES, Zombie

LONG_ERROR, OUTPUT = "e" * 70_000, "the output"
STATUS_OF = {"LEASE_LOST": 409, "LEASE_EXPIRED": 409, "NOT_JOB_OWNER": 403}
# What a late report may move: the number of the newest entry, and of which claims one was kept.
NOT_THE_JOB_S = {"audit_seq", "event_xid", "late_epochs"}

# --- the reports: method, path, body, and whether it is a verdict ---------------------------------------------------

VERDICT = {"error": LONG_ERROR, "output": OUTPUT}
REPORTS: list[tuple[str, str, dict[str, Any], bool]] = [
    ("post", "acknowledge", {}, False),
    *(("put", "status", {"status": word}, False) for word in ("acknowledged", "preparing", "running", "queued", "claimed")),
    *(("put", "status", {"status": word, "details": VERDICT}, True) for word in ("completed", "failed", "cancelled", "timeout")),
    ("post", "complete", {"status": "completed", "exitCode": 0, **VERDICT}, True),
    ("post", "fail", VERDICT, True),
    ("post", "release", {"message": "not now"}, False),
]


MEETINGS = [
    pytest.param(zombie_of, state, id=f"{zombie_of.__name__}-{state.replace(' ', '_')}")
    for zombie_of, states in ZOMBIES.items()
    for state in STATES
    if state in states
]


@pytest.mark.parametrize(("zombie_of", "state"), MEETINGS)
def test_no_zombie_changes_anything_of_a_job(api: APIClient, zombie_of: Callable[[Job], Zombie], state: str) -> None:
    job = STATES[state]()
    job.refresh_from_db()
    zombie = zombie_of(job)
    before = of_the_job(job)
    for method, path, body, is_verdict in REPORTS:
        with undone():
            for _ in range(2 if path == "fail" else 1):
                refused(send(api, method, f"/jobs/{job.id}/{path}", spoken(zombie, job, body), **headers(zombie)), zombie)
            assert of_the_job(job) == before, (path, body)
            assert_late_reports(job, zombie if is_verdict else None)
    asks_for_its_lease(api, zombie, job)
    sends_log_lines(api, zombie, job)
    beats(api, zombie, job)
    assert of_the_job(job) == before


def of_the_job(job: Job) -> dict[str, Any]:
    """Every column but those that a late report may move."""
    return {name: value for name, value in Job.objects.filter(id=job.id).values().get().items() if name not in NOT_THE_JOB_S}


def headers(zombie: Zombie) -> dict[str, str]:
    return {"X_Orchestrator_ID": zombie.name, **({"X_Lease_Token": zombie.token} if zombie.token else {})}


def spoken(zombie: Zombie, job: Job, body: dict[str, Any]) -> dict[str, Any]:
    said = dict(body)
    if zombie.body_token:
        said["leaseToken"] = zombie.body_token
    if zombie.stamped_before:
        assert job.claimed_at is not None
        said["timestamp"] = (job.claimed_at - timedelta(seconds=5)).isoformat()
    return said


def refused(answer: Any, zombie: Zombie) -> None:
    assert assert_error(answer, STATUS_OF[zombie.code], zombie.code)["nextAction"] == "abandon"


def assert_late_reports(job: Job, zombie: Zombie | None) -> None:
    """One entry of a verdict that proves its claim, however often it is sent; else none."""
    kept = list(AuditEntry.objects.filter(job_id=job.id, action="late_report"))
    if zombie is None or zombie.late is None:
        assert kept == []
        return
    (entry,) = kept
    assert (entry.epoch, entry.actor, entry.from_status, entry.to_status) == (zombie.late, zombie.name, job.status, job.status)
    assert entry.detail is not None
    assert entry.detail["error"] == LONG_ERROR[:ERROR_LOGGED]
    assert entry.detail["output"] == {"output": {"bytes": len(OUTPUT), "sha256": hashlib.sha256(OUTPUT.encode()).hexdigest()}}
    assert OUTPUT not in str(entry.detail)


def asks_for_its_lease(api: APIClient, zombie: Zombie, job: Job) -> None:
    if zombie.token:
        body = spoken(zombie, job, {"renewalToken": zombie.token})
        refused(send(api, "post", f"/jobs/{job.id}/lease/renew", body, **headers(zombie)), zombie)


def sends_log_lines(api: APIClient, zombie: Zombie, job: Job) -> None:
    """Lines of a claim that has just ended are taken, and kept with that claim."""
    body = spoken(zombie, job, {"entries": [{"sequence": 0, "stream": "stdout", "line": "x"}]})
    answer = send(api, "post", f"/jobs/{job.id}/logs", body, **headers(zombie))
    if zombie.logs_late:
        assert (answer.status_code, answer.json()["nextAction"]) == (200, "abandon"), answer.content
        assert list(LogLine.objects.filter(job_id=job.id).values_list("epoch", flat=True)) == [zombie.late]
    else:
        refused(answer, zombie)
        assert not LogLine.objects.filter(job_id=job.id).exists()


def beats(api: APIClient, zombie: Zombie, job: Job) -> None:
    """(A heartbeat is no report on a job: the time that it states is not held against the jobs that it names.)"""
    if zombie.stamped_before:
        return
    token = zombie.body_token or zombie.token
    named = {"jobId": job.id, "leaseToken": token} if token else job.id
    told = send(api, "post", "/orchestrator/heartbeat", {"runningJobs": [named]}, X_Orchestrator_ID=zombie.name).json()

    assert told["abandon"] == [job.id]
    assert job.id not in [lease["jobId"] for lease in told["leases"]]
