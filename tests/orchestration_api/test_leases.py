"""Who may report on a job: the holder of its current lease, and nobody who held it before."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from jobs import leases
from jobs.models import Job, LogLine
from tests.factories import JobFactory
from tests.ledger import actions
from tests.orchestration_api.wire import assert_error, is_time, send, untouched
from tests.statements import counted


def test_somebody_else_may_not_report(api: APIClient) -> None:
    job = JobFactory(status="running")
    before = untouched(job)
    for call in ("complete", "fail", "release", "acknowledge"):
        body = {"error": "x"} if call == "fail" else {"exitCode": 0}
        details = assert_error(send(api, "post", f"/jobs/{job.id}/{call}", body, X_Orchestrator_ID="orch-2"), 403, "NOT_JOB_OWNER")
        assert details["nextAction"] == "abandon"
    assert_error(send(api, "put", f"/jobs/{job.id}/status", {"status": "running"}, X_Orchestrator_ID="orch-2"), 403, "NOT_JOB_OWNER")
    assert untouched(job) == before


def test_a_lease_token_that_is_sent_is_always_checked(api: APIClient) -> None:
    job = JobFactory(status="running")
    token = leases.token_of(job)
    for forged in ("1.AAAA", "garbage", "99999999999.x", token[:-1] + ("A" if token[-1] != "A" else "B"), f"2{token[1:]}"):
        assert_error(send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0}, X_Lease_Token=forged), 409, "LEASE_LOST")
    assert Job.objects.get(id=job.id).status == "running"
    assert "late_report" not in actions(job)
    assert send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "leaseToken": token}).status_code == 200


def test_lease_tokens_can_be_made_obligatory(api: APIClient) -> None:
    job = JobFactory(status="running")
    with override_settings(REQUIRE_LEASE_TOKENS=True):
        assert_error(send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0}), 428, "LEASE_TOKEN_REQUIRED")
        assert send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0}, X_Lease_Token=leases.token_of(job)).status_code == 200


def test_an_expired_lease_is_refused(api: APIClient) -> None:
    job = JobFactory(status="running")
    Job.objects.filter(id=job.id).update(lease_expires_at=datetime.now(UTC) - timedelta(seconds=1))

    assert_error(send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0}), 409, "LEASE_EXPIRED")
    assert Job.objects.get(id=job.id).status == "running"


def test_a_report_stamped_before_the_claim_belongs_to_an_earlier_one(api: APIClient) -> None:
    job = JobFactory(status="running")
    before = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()

    assert_error(send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "timestamp": before}), 403, "NOT_JOB_OWNER")


@pytest.mark.parametrize("precision", ["seconds", "milliseconds"])
def test_a_clock_of_whole_seconds_or_milliseconds_is_not_taken_for_that_of_an_earlier_claim(api: APIClient, precision: str) -> None:
    job = JobFactory(status="running")
    assert job.claimed_at
    # Said in the same second, or millisecond, as the claim: what is finer than that is cut off.
    stamped = job.claimed_at.replace(microsecond=999_999 if precision == "seconds" else job.claimed_at.microsecond).isoformat(
        timespec=precision
    )

    assert send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "timestamp": stamped}).status_code == 200


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_clock_that_is_far_off_is_told_the_time(api: APIClient, seconds: int) -> None:
    job = JobFactory(status="running")
    stamped = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    details = assert_error(
        send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "timestamp": stamped}), 400, "TIMESTAMP_OUT_OF_RANGE"
    )

    assert is_time(details["serverTime"])
    assert_error(send(api, "post", f"/jobs/{job.id}/acknowledge", X_Request_Timestamp=stamped), 400, "TIMESTAMP_OUT_OF_RANGE")


@pytest.mark.parametrize("stamped", ["", "now", "2026-11-23T14:03:12"])
def test_a_time_in_the_header_that_is_none_is_refused(api: APIClient, stamped: str) -> None:
    body = {"timestamp": datetime.now(UTC).isoformat()}

    assert_error(send(api, "get", "/jobs/orphaned", X_Request_Timestamp=stamped), 400, "VALIDATION_INVALID_PARAMS")
    assert_error(send(api, "post", "/jobs", [], X_Request_Timestamp=stamped), 400, "VALIDATION_INVALID_PARAMS")
    assert_error(send(api, "post", "/orchestrator/heartbeat", body, X_Request_Timestamp=stamped), 400, "VALIDATION_INVALID_PARAMS")


def test_a_heartbeat_keeps_leases_and_tells_what_to_drop(api: APIClient) -> None:
    job, unnamed = JobFactory(status="running"), JobFactory(status="claimed")
    before = (actions(job), job.updated_at)
    body = {
        "orchestratorId": "orch-1",
        "runningJobs": [{"jobId": job.id, "leaseToken": leases.token_of(job), "progress": {"percentage": 40}}, "job_gone"],
        "capacity": {"maxJobs": 4},
    }
    answer = send(api, "post", "/orchestrator/heartbeat", body).json()

    ((lease),) = answer["leases"]
    expires = datetime.fromisoformat(lease["expiresAt"])
    assert lease["jobId"] == job.id
    assert timedelta(seconds=85) < expires - datetime.now(UTC) <= timedelta(seconds=90)
    assert (answer["abandon"], answer["unreported"], answer["cancel"]) == (["job_gone"], [unnamed.id], [])
    job.refresh_from_db()
    assert (job.progress, actions(job), job.updated_at) == ({"percentage": 40}, *before)


def test_no_heartbeat_lifts_a_lease_past_the_timeout_and_its_grace(api: APIClient) -> None:
    job = JobFactory(status="running", timeout_seconds=1)
    Job.objects.filter(id=job.id).update(started_at=datetime.now(UTC) - timedelta(seconds=100))
    job.refresh_from_db()
    send(api, "post", "/orchestrator/heartbeat", {"runningJobs": [job.id]})

    job.refresh_from_db()
    assert job.started_at is not None
    assert job.lease_expires_at == job.started_at + timedelta(seconds=121)


def test_a_lease_is_renewed_for_as_long_as_asked(api: APIClient) -> None:
    job = JobFactory(status="running")
    answer = send(api, "post", f"/jobs/{job.id}/lease/renew", {"renewalToken": leases.token_of(job), "extensionSeconds": 600}).json()

    left = datetime.fromisoformat(answer["lease"]["expiresAt"]) - datetime.now(UTC)
    assert timedelta(seconds=590) < left <= timedelta(seconds=600)
    assert_error(send(api, "post", f"/jobs/{job.id}/lease/renew", {"renewalToken": "1.x"}), 409, "LEASE_LOST")


def claim_again(api: APIClient, job: Job) -> tuple[str, str]:
    """The lease tokens of two claims of one orchestrator, the job given back between them."""
    tokens = []
    for again in (False, True):
        (told,) = send(api, "post", "/jobs/claim", {"jobTypes": [job.type]}).json()["jobs"]
        tokens.append(told["lease"]["token"])
        send(api, "post", f"/jobs/{job.id}/acknowledge", X_Lease_Token=tokens[-1])
        if not again:
            send(api, "post", f"/jobs/{job.id}/release", X_Lease_Token=tokens[-1])
    return tokens[0], tokens[1]


def test_an_acknowledge_that_is_sent_again_never_tells_the_lease_of_a_later_claim(api: APIClient) -> None:
    job = JobFactory()
    old, new = claim_again(api, job)
    again = send(api, "post", f"/jobs/{job.id}/acknowledge", X_Lease_Token=old)

    assert (again.status_code, again.json()["replayed"]) == (200, True)
    assert "lease" not in again.json()
    assert new not in again.content.decode()
    assert send(api, "post", f"/jobs/{job.id}/acknowledge", X_Lease_Token=new).json()["lease"]["token"] == new


@pytest.mark.parametrize("word", ["queued", "claimed"])
def test_only_the_holder_is_told_that_no_report_gives_a_job_back(api: APIClient, word: str) -> None:
    job = JobFactory(status="running")
    before = untouched(job)
    path, body = f"/jobs/{job.id}/status", {"status": word}

    assert_error(send(api, "put", path, body, X_Orchestrator_ID="orch-2"), 403, "NOT_JOB_OWNER")
    assert_error(send(api, "put", path, body, X_Lease_Token="1.forged"), 409, "LEASE_LOST")
    details = assert_error(send(api, "put", path, body), 409, "INVALID_TRANSITION")
    assert details == {"status": "running", "requested": word, "allowed": ["queued", "completed", "failed", "cancelled"]}
    assert untouched(job) == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("put", "status", {"status": "preparing"}),
        ("put", "status", {"status": "running", "details": {"progress": {"percentage": 5}}}),
        ("put", "status", {"status": "queued"}),
        ("post", "logs", {"entries": [{"sequence": 0, "stream": "stdout", "line": "x"}]}),
    ],
)
def test_every_word_of_a_run_is_held_to_its_time_and_to_the_state_it_was_told(
    api: APIClient, method: str, path: str, body: dict[str, Any]
) -> None:
    job = JobFactory(status="running")
    before = untouched(job)
    earlier = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()

    assert_error(send(api, method, f"/jobs/{job.id}/{path}", body | {"timestamp": earlier}), 403, "NOT_JOB_OWNER")
    assert_error(send(api, method, f"/jobs/{job.id}/{path}", body, X_Request_Timestamp=earlier), 403, "NOT_JOB_OWNER")
    assert_error(send(api, method, f"/jobs/{job.id}/{path}", body | {"expectedUpdatedAt": earlier}), 409, "CONFLICT")
    assert untouched(job) == before
    assert not LogLine.objects.filter(job_id=job.id).exists()


def test_a_start_with_a_phase_is_answered_with_it(api: APIClient) -> None:
    job = JobFactory(status="claimed")
    body = {"status": "running", "details": {"phase": "warming up", "progress": {"percentage": 5}}}
    told = send(api, "put", f"/jobs/{job.id}/status", body).json()

    assert (told["job"]["status"], told["job"]["phase"], told["job"]["progress"]) == ("running", "warming up", {"percentage": 5})


def test_a_start_that_is_sent_again_leaves_the_progress_of_a_later_claim_alone(api: APIClient) -> None:
    job = JobFactory()
    old, _ = claim_again(api, job)
    start = {"status": "running", "details": {"phase": "of the first claim"}}

    assert_error(send(api, "put", f"/jobs/{job.id}/status", start, X_Lease_Token=old), 409, "LEASE_LOST")
    assert Job.objects.get(id=job.id).phase is None


def test_every_token_that_is_sent_is_checked(api: APIClient) -> None:
    job = JobFactory(status="running")
    token = leases.token_of(job)

    assert_error(send(api, "post", f"/jobs/{job.id}/lease/renew", {"renewalToken": "1.x"}, X_Lease_Token=token), 409, "LEASE_LOST")
    assert_error(send(api, "post", f"/jobs/{job.id}/lease/renew", {"renewalToken": token, "leaseToken": "1.x"}), 409, "LEASE_LOST")
    assert_error(
        send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0, "leaseToken": "1.x"}, X_Lease_Token=token), 409, "LEASE_LOST"
    )
    assert send(api, "post", f"/jobs/{job.id}/lease/renew", {"renewalToken": token}, X_Lease_Token=token).status_code == 200


def test_a_job_that_is_not_there_is_told_before_a_token_that_is_missing(api: APIClient) -> None:
    with override_settings(REQUIRE_LEASE_TOKENS=True):
        assert_error(send(api, "post", "/jobs/job_nope/complete", {"exitCode": 0}), 404, "JOB_NOT_FOUND")


def test_a_wrong_field_is_told_before_a_wrong_time(api: APIClient) -> None:
    job = JobFactory(status="running")
    body = {"status": "sleeping", "timestamp": "2020-01-01T00:00:00Z"}

    assert_error(send(api, "put", f"/jobs/{job.id}/status", body), 400, "VALIDATION_INVALID_PARAMS")


def test_tokens_that_do_not_verify_cost_no_more_than_one_look_for_new_keys(api: APIClient) -> None:
    sent = []
    for size in (1, 100):
        named = [{"jobId": f"job_{n}", "leaseToken": "1.forged"} for n in range(size)]
        with counted() as traffic:
            assert len(send(api, "post", "/orchestrator/heartbeat", {"runningJobs": named}).json()["abandon"]) == size
        sent.append(traffic.statements)

    assert sent[1] <= sent[0]
