"""`POST /jobs/status`: many reports in one call, each for itself, and a claim in the same round trip."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from jobs import leases
from jobs.models import Job
from tests.factories import HOLDER, JobFactory
from tests.ledger import actions, assert_sound
from tests.orchestration_api.batches import complete, report, results
from tests.orchestration_api.wire import assert_error, send, untouched
from tests.postgres import API_KEY


def test_every_action_in_one_batch_is_answered_in_order(api: APIClient) -> None:
    jobs = {action: JobFactory(status="running") for action in ("complete", "fail", "cancel", "release", "progress")}
    jobs["start"] = JobFactory(status="claimed")
    send(api, "post", f"/jobs/{jobs['cancel'].id}/cancel")
    fields: dict[str, Any] = {"complete": {"exitCode": 0}, "fail": {"error": "no"}, "progress": {"progress": {"percentage": 40}}}
    answer = report(api, [{"jobId": job.id, "action": action, **fields.get(action, {})} for action, job in jobs.items()]).json()

    became = {action: result["status"] for action, result in zip(jobs, answer["results"], strict=True)}
    assert became == {
        "complete": "completed",
        "fail": "failed",
        "cancel": "cancelled",
        "release": "queued",
        "progress": "running",
        "start": "running",
    }
    assert [result["jobId"] for result in answer["results"]] == [job.id for job in jobs.values()]
    assert [set(result) for result in answer["results"]] == [{"jobId", "ok", "status", "nextAction"}] * 6
    assert (answer["applied"], answer["rejected"]) == (6, 0)
    assert not {"jobs", "count", "metadata", "ignored"} & answer.keys()
    for job in jobs.values():
        assert_sound(job.id)


def test_a_second_item_for_a_job_is_a_conflict_and_the_first_stands(api: APIClient) -> None:
    job = JobFactory(status="running")
    first, second = results(api, [complete(job), {"jobId": job.id, "action": "fail", "error": "no"}])

    assert (first["ok"], second["error"]["code"], second["status"], second["nextAction"]) == (True, "CONFLICT", "completed", "continue")
    assert actions(job)[-1] == "complete"


def test_each_item_is_mended_and_answered_for_itself(api: APIClient) -> None:
    jobs = [JobFactory(status="running") for _ in range(3)]
    mended, clean, odd = results(
        api,
        [
            {"jobId": jobs[0].id, "action": "fail", "error": {"message": "a\x00b", "k\x00": "\x00"}},
            complete(jobs[1]),
            complete(jobs[2], mood="good", **{f"key{n}": n for n in range(30)}),
        ],
    )

    assert mended["replaced"] == ["error.k\ufffd", "error.message"]
    assert Job.objects.get(id=jobs[0].id).last_error == "a\ufffdb"
    assert not {"replaced", "ignored"} & clean.keys()
    # An answer has a largest size: of very many names only the first are told.
    assert (len(odd["ignored"]), odd["ignored"][-1]) == (21, "…")


def test_replays_count_as_applied_and_are_told(api: APIClient) -> None:
    jobs = [JobFactory(status="running", max_attempts=2) for _ in range(3)]
    updates = [complete(jobs[0]), {"jobId": jobs[1].id, "action": "fail", "error": "x"}, {"jobId": jobs[2].id, "action": "start"}]
    results(api, updates)
    before = [untouched(job) for job in jobs]
    answer = report(api, [{**update, "timestamp": datetime.now(UTC).isoformat()} for update in updates]).json()

    assert [result["replayed"] for result in answer["results"]] == [True] * 3
    assert (answer["applied"], answer["results"][1]["nextAction"]) == (3, "retry")
    assert [untouched(job) for job in jobs] == before


def test_a_status_of_its_own_call_is_another_report_than_a_complete(api: APIClient) -> None:
    job = JobFactory(status="running")
    send(api, "put", f"/jobs/{job.id}/status", {"status": "completed", "details": {"exitCode": 0}})
    (told,) = results(api, [complete(job)])

    assert told["error"]["code"] == "ALREADY_FINISHED"
    assert told["error"]["details"]["outcome"]["status"] == "completed"


def test_details_may_stand_in_the_item_or_as_the_single_call_has_them(api: APIClient) -> None:
    jobs = [JobFactory(status="running") for _ in range(2)]
    results(api, [{"jobId": job.id, "action": "cancel", **fields} for job, fields in zip(jobs, FORMS, strict=True)])

    assert [Job.objects.get(id=job.id).last_error for job in jobs] == ["out of time"] * 2
    assert results(api, [{"jobId": jobs[0].id, "action": "cancel", **FORMS[1]}])[0]["replayed"] is True
    again = send(api, "put", f"/jobs/{jobs[1].id}/status", {"status": "cancelled", **FORMS[1]}).json()
    assert again["replayed"] is True


FORMS: list[dict[str, Any]] = [{"message": "out of time", "exitCode": 1}, {"details": {"exitCode": 1, "message": "out of time"}}]


@pytest.mark.parametrize("where", ["frame", "header", "item"])
def test_a_batch_sent_before_a_claim_belongs_to_an_earlier_one(api: APIClient, where: str) -> None:
    job = JobFactory(status="running")
    before = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    body: dict[str, Any] = {"updates": [complete(job, **({"timestamp": before} if where == "item" else {}))]}
    body |= {"timestamp": before} if where == "frame" else {}
    headers = {"X_Request_Timestamp": before} if where == "header" else {}
    (told,) = send(api, "post", "/jobs/status", body, **headers).json()["results"]

    assert (told["error"]["code"], told["nextAction"]) == ("NOT_JOB_OWNER", "abandon")


def test_a_fenced_caller_proves_each_item(api: APIClient) -> None:
    jobs = [JobFactory(status="running") for _ in range(2)]
    with override_settings(REQUIRE_LEASE_TOKENS=True):
        bare, proven = results(api, [complete(jobs[0]), complete(jobs[1], leaseToken=leases.token_of(jobs[1]))])
        unknown = results(api, [{"jobId": "job_none", "action": "start"}])[0]
        assert_error(send(api, "post", f"/jobs/{jobs[0].id}/logs", {"entries": []}), 428, "LEASE_TOKEN_REQUIRED")

    assert (bare["error"]["code"], proven["ok"], unknown["error"]["code"]) == ("LEASE_TOKEN_REQUIRED", True, "JOB_NOT_FOUND")


def test_the_same_round_trip_then_claims(api: APIClient) -> None:
    job, queued = JobFactory(status="running"), JobFactory(type="wanted")
    JobFactory(type="unwanted")
    answer = report(api, [complete(job)], claim={"batchSize": 5, "jobTypes": ["wanted"], "claimId": "c1"}).json()
    again = report(api, [complete(job)], claim={"batchSize": 5, "jobTypes": ["wanted"], "claimId": "c1"}).json()

    assert (answer["applied"], answer["count"], [won["id"] for won in answer["jobs"]]) == (1, 1, [queued.id])
    assert set(answer["metadata"]) == {"timestamp", "nextPollAfter", "queueSize"}
    assert (again["results"][0]["replayed"], again["jobs"]) == (True, answer["jobs"])


def test_a_claim_may_take_what_the_reports_gave_back(api: APIClient) -> None:
    job = JobFactory(status="running")
    answer = report(api, [{"jobId": job.id, "action": "release"}], claim={}).json()

    assert [(won["id"], won["epoch"]) for won in answer["jobs"]] == [(job.id, 2)]


def test_a_claim_that_fails_undoes_no_report(live_db: str) -> None:
    client = APIClient(headers={"Authorization": f"Bearer {API_KEY}", "X-Orchestrator-ID": HOLDER.name})
    job, queued = JobFactory(status="running"), JobFactory()
    with psycopg.connect(live_db, autocommit=True) as database:
        database.execute("alter function claim_jobs rename to claim_jobs_gone")
    answer = report(client, [complete(job)], claim={"batchSize": 5}).json()

    assert (answer["applied"], answer["jobs"], answer["count"]) == (1, [], 0)
    assert answer["metadata"]["reason"] == "unavailable"
    assert [Job.objects.get(id=one.id).status for one in (job, queued)] == ["completed", "queued"]
