"""Failure groups over HTTP."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs import bulk
from jobs.models import AuditEntry, FailureGroup, Job
from jobs.outcomes import Report
from jobs.times import now, written
from tests.factories import HOLDER, STAFF, JobFactory, grouped, running
from tests.orchestration_api.wire import assert_error, is_time, send


def failed(error: str = "order 17 not found", **fields: Any) -> Job:
    job = running(JobFactory(**fields))
    job.fail(Report(error=error, exit_code=3), by=HOLDER)
    return job


def test_a_group_is_told_with_its_jobs_and_hours(api: APIClient) -> None:
    job, other = failed(type="invoice"), failed("order 4 not found", type="invoice")
    group = grouped(job)
    told = send(api, "get", f"/failure-groups/{job.fingerprint}").json()

    assert other.fingerprint == job.fingerprint
    assert (told["fingerprint"], told["type"], told["title"], told["code"]) == (job.fingerprint, "invoice", "order # not found", "3")
    assert (told["exampleJobId"], told["exampleError"], told["failedJobs"]) == (job.id, "order 17 not found", 2)
    assert (told["state"], told["ongoing"], told["topFrame"], told["hours"]) == ("new", False, None, [])
    assert is_time(told["firstSeenAt"])
    assert str(group) == "order # not found"
    listed = send(api, "get", f"/jobs?status=failed&fingerprint={told['fingerprint']}").json()["results"]
    assert {one["id"] for one in listed} == {job.id, other.id}
    assert {one["fingerprint"] for one in listed} == {told["fingerprint"]}


def test_the_list_is_read_in_pages_those_seen_last_first(api: APIClient) -> None:
    groups = [grouped(failed(f"{word} is not there")) for word in ("table", "index", "column", "view")]
    # Two were seen at the same moment.
    FailureGroup.objects.filter(pk=groups[1].pk).update(last_seen_at=groups[2].last_seen_at)
    seen, cursor = [], ""
    while True:
        page = send(api, "get", f"/failure-groups?pageSize=1{cursor}").json()
        seen += [group["fingerprint"] for group in page["results"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"

    assert seen == [groups[3].pk, *sorted([groups[1].pk, groups[2].pk]), groups[0].pk]


@pytest.mark.parametrize(
    ("query", "found"),
    [("state=new", 2), ("state=resolved,regressed", 0), ("type=invoice", 1), ("category=exit_code", 2), ("category=network", 0)],
)
def test_the_list_is_narrowed_by_its_filters(api: APIClient, query: str, found: int) -> None:
    for job_type in ("invoice", "report"):
        grouped(failed(type=job_type, error="it broke"))

    assert len(send(api, "get", f"/failure-groups?{query}").json()["results"]) == found
    assert len(send(api, "get", f"/failure-groups?{query}&seenAfter=2020-01-01T00:00:00Z").json()["results"]) == found


@pytest.mark.parametrize("query", ["state=odd", "state=", "cursor=odd", "cursor=", "pageSize=0", "owner=anna", "seenAfter=today"])
def test_what_the_list_does_not_know_is_refused(api: APIClient, query: str) -> None:
    assert_error(send(api, "get", f"/failure-groups?{query}"), 400, "VALIDATION_INVALID_PARAMS")


def test_each_act_answers_with_the_group_and_stands_in_the_log(api: APIClient) -> None:
    group = grouped(failed())
    path = f"/failure-groups/{group.pk}"
    until = written(now() + timedelta(hours=1))
    acts: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("acknowledge", {"owner": "anna", "note": "the import"}, {"state": "acknowledged", "owner": "anna", "note": "the import"}),
        ("snooze", {"until": until}, {"state": "snoozed", "snoozedUntil": until, "snoozedFailures": None}),
        ("snooze", {"failures": 5}, {"state": "snoozed", "snoozedUntil": None, "snoozedFailures": 5}),
        ("resolve", {"note": "mended"}, {"state": "resolved", "note": "mended", "owner": "anna", "snoozedFailures": None}),
        ("reopen", {}, {"state": "new", "owner": None}),
    ]
    for act, body, changed in acts:
        answer = send(api, "post", f"{path}/{act}", body | {"reason": "so"}).json()
        assert answer["success"] is True
        assert "replayed" not in answer
        assert {name: answer["group"][name] for name in changed} == changed
        assert answer["group"]["triagedBy"] == "service (API)"
        again = send(api, "post", f"{path}/{act}", body | {"reason": "so"}).json()
        assert again["replayed"] is True
    entries = AuditEntry.objects.filter(subject_type="failure_group", subject_id=group.pk).order_by("id")

    assert [(entry.action, entry.reason, entry.actor_kind) for entry in entries] == [(act, "so", "user") for act, _, _ in acts]
    assert all(entry.request_id for entry in entries)


def test_what_is_not_possible_says_where_the_group_is(api: APIClient) -> None:
    group = grouped(failed())
    send(api, "post", f"/failure-groups/{group.pk}/resolve")

    assert assert_error(send(api, "post", f"/failure-groups/{group.pk}/acknowledge"), 409, "CONFLICT") == {"state": "resolved"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "VALIDATION_MISSING_FIELD"),
        ({"until": "2020-01-01T00:00:00Z"}, "VALIDATION_INVALID_PARAMS"),
        ({"until": "tomorrow"}, "VALIDATION_INVALID_PARAMS"),
        ({"failures": 0}, "VALIDATION_INVALID_PARAMS"),
        ({"failures": "3"}, "VALIDATION_INVALID_PARAMS"),
    ],
)
def test_a_snooze_without_an_end_is_refused(api: APIClient, body: dict[str, Any], code: str) -> None:
    group = grouped(failed())

    assert_error(send(api, "post", f"/failure-groups/{group.pk}/snooze", body), 400, code)
    group.refresh_from_db()
    assert group.state == "new"


def test_the_failed_jobs_of_a_group_are_retried_a_few_first(api: APIClient) -> None:
    jobs = [failed(f"order {number} not found", type="invoice") for number in range(5)]
    path = f"/failure-groups/{grouped(jobs[0]).pk}"
    assert send(api, "get", path).json()["lastRetry"] is None
    answer = send(api, "post", f"{path}/retry", {"reason": "so", "canaries": 2, "overSeconds": 60})
    operation = answer.json()["operation"]
    while bulk.run_batch():
        pass

    assert answer.status_code == 201
    assert (operation["action"], operation["state"], operation["selected"], operation["reason"]) == ("retry", "running", 5, "so")
    assert Job.objects.filter(status="queued").count() == 2
    retry = {"operationId": operation["id"], "state": "trying", "canaries": 2, "overSeconds": 60, "judgedAt": None, "words": None}
    assert send(api, "get", path).json()["lastRetry"] == retry
    again = send(api, "post", f"{path}/retry", {"reason": "so"})
    assert assert_error(again, 409, "CONFLICT") == {"operationId": operation["id"]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "VALIDATION_MISSING_FIELD"),
        ({"reason": ""}, "VALIDATION_INVALID_PARAMS"),
        ({"reason": " "}, "VALIDATION_INVALID_PARAMS"),
        ({"reason": "so", "canaries": 0}, "VALIDATION_INVALID_PARAMS"),
        ({"reason": "so", "canaries": 101}, "VALIDATION_INVALID_PARAMS"),
        ({"reason": "so", "overSeconds": 604_801}, "VALIDATION_INVALID_PARAMS"),
    ],
)
def test_a_retry_without_reason_or_out_of_bounds_is_refused(api: APIClient, body: dict[str, Any], code: str) -> None:
    job = failed()

    assert_error(send(api, "post", f"/failure-groups/{grouped(job).pk}/retry", body), 400, code)
    job.refresh_from_db()
    assert job.status == "failed"


def test_where_no_job_stands_failed_there_is_nothing_to_retry(api: APIClient) -> None:
    job = failed()
    group = grouped(job)
    job.retry(by=STAFF)

    assert_error(send(api, "post", f"/failure-groups/{group.pk}/retry", {"reason": "so"}), 409, "CONFLICT")


@pytest.mark.parametrize("fingerprint", ["0" * 16, "odd", "x" * 300, "%00"])
def test_a_group_that_is_not_there_is_told_so(api: APIClient, fingerprint: str) -> None:
    assert_error(send(api, "get", f"/failure-groups/{fingerprint}"), 404, "RESOURCE_NOT_FOUND")
    assert_error(send(api, "post", f"/failure-groups/{fingerprint}/resolve"), 404, "RESOURCE_NOT_FOUND")
