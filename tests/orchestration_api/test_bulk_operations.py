"""Bulk operations at the machine door."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs import bulk
from jobs.lifecycle import Status
from jobs.models import AuditEntry, BulkOperation, Job
from tests.factories import PRODUCER, JobFactory
from tests.orchestration_api.access import operation_in, token
from tests.orchestration_api.wire import assert_error, is_time, send

pytestmark = pytest.mark.django_db
WHY = {"reason": "the disk is mended"}


def made(api: APIClient, **body: Any) -> dict[str, Any]:
    answer = send(api, "post", "/bulk-operations", body)
    assert answer.status_code == 201, answer.content
    told: dict[str, Any] = answer.json()["operation"]
    return told


def caller(*scopes: str, name: str = PRODUCER.name) -> APIClient:
    return APIClient(headers={"Authorization": f"Bearer {token(*scopes, name=name)}"})


def test_from_preview_to_the_last_item(api: APIClient) -> None:
    jobs = [JobFactory(status="failed", type="report") for _ in range(3)]
    operation = made(api, action="retry", filter={"status": "failed", "type": "report"})
    assert (operation["state"], operation["preview"]["wouldChange"], operation["selected"]) == ("preview", 3, None)

    running = send(api, "post", f"/bulk-operations/{operation['id']}/confirm", WHY).json()["operation"]
    assert (running["state"], running["selected"], running["outcomes"]["pending"]) == ("running", 3, 3)
    jobs[0].retry(by=PRODUCER)
    bulk.run_batch()

    done = send(api, "get", f"/bulk-operations/{operation['id']}").json()
    assert (done["state"], done["outcomes"]) == ("done", {"changed": 2, "skipped": 1, "failed": 0, "pending": 0})
    assert is_time(done["endedAt"])
    items = send(api, "get", f"/bulk-operations/{operation['id']}/items").json()["items"]
    assert [(item["jobId"], item["outcome"], item["words"]) for item in items] == [
        (jobs[0].id, "skipped", "already queued"),
        (jobs[1].id, "changed", "retried"),
        (jobs[2].id, "changed", "retried"),
    ]
    history = send(api, "get", f"/jobs/{jobs[1].id}/history").json()["entries"]
    assert (history[-1]["requestId"], history[-1]["reason"], history[-1]["actor"]) == (operation["id"], WHY["reason"], "service (API)")


def test_confirmed_with_the_same_call_it_begins_at_once(api: APIClient) -> None:
    job = JobFactory()
    operation = made(api, action="edit", ids=[job.id], arguments={"priority": 90}, confirm=True, **WHY)

    assert (operation["state"], operation["arguments"], operation["selection"]) == ("running", {"priority": 90}, "1 by their ids")
    bulk.run_batch()
    assert Job.objects.get(id=job.id).priority == 90


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "explode", "ids": ["job_x"]}, "action"),
        ({"action": "retry", "ids": ["job x"]}, "ids.0"),
        ({"action": "retry", "ids": ["job_x"] * 10_001}, "ids"),
        ({"action": "retry", "ids": ["job_x"], "filter": {"status": "failed"}}, "filter"),
        ({"action": "retry", "filter": {}}, "filter"),
        ({"action": "retry", "filter": {"status": "lost"}}, "filter.status"),
        ({"action": "retry", "filter": {"status": ["failed"]}}, "filter.status"),
        ({"action": "retry", "filter": {"status": "failed", "colour": "red"}}, "filter.colour"),
        ({"action": "retry", "filter": {"createdAfter": "yesterday"}}, "filter.createdAfter"),
        ({"action": "retry", "ids": ["job_x"], "arguments": {"priority": 3}}, "arguments"),
        ({"action": "edit", "ids": ["job_x"]}, "arguments"),
        ({"action": "edit", "ids": ["job_x"], "arguments": {"priority": 101}}, "arguments.priority"),
        ({"action": "edit", "ids": ["job_x"], "arguments": {"colour": "red"}}, "arguments.colour"),
        ({"action": "retry", "ids": ["job_x"], "dryRun": True}, "dryRun"),
    ],
)
def test_what_is_not_as_it_must_be_is_named(api: APIClient, body: dict[str, Any], field: str) -> None:
    details = assert_error(send(api, "post", "/bulk-operations", body), 400, "VALIDATION_INVALID_PARAMS")

    assert list(details["fields"]) == [field]
    assert not BulkOperation.objects.exists()


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/bulk-operations", {"action": "retry"}, "filter"),
        ("/bulk-operations", {"action": "retry", "ids": ["job_x"], "confirm": True}, "reason"),
        ("/bulk-operations/{id}/confirm", {}, "reason"),
    ],
)
def test_what_is_missing_is_named(api: APIClient, path: str, body: dict[str, Any], field: str) -> None:
    operation = operation_in("preview")
    details = assert_error(send(api, "post", path.format(id=operation.id), body), 400, "VALIDATION_MISSING_FIELD")

    assert list(details["fields"]) == [field]


@pytest.mark.parametrize("reason", ["", " ", "\n\t\u00a0"])
@pytest.mark.parametrize("path", ["/bulk-operations", "/bulk-operations/{id}/confirm"])
def test_a_reason_that_says_nothing_is_none(api: APIClient, path: str, reason: str) -> None:
    operation = operation_in("preview")
    body = {"reason": reason} | ({"action": "retry", "ids": ["job_x"], "confirm": True} if path == "/bulk-operations" else {})
    details = assert_error(send(api, "post", path.format(id=operation.id), body), 400, "VALIDATION_INVALID_PARAMS")

    assert list(details["fields"]) == ["reason"]
    assert list(BulkOperation.objects.values_list("state", flat=True)) == ["preview"]


def test_more_jobs_than_an_operation_may_have_are_refused_with_their_number(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bulk.selection.MOST", 2)
    for _ in range(3):
        JobFactory(status="failed")
    details = assert_error(send(api, "post", "/bulk-operations", {"action": "retry", "filter": {"status": "failed"}}), 409, "CONFLICT")

    assert details["matching"] == 3


@pytest.mark.parametrize("which", ["filter", "ids"])
def test_confirmed_for_a_number_it_begins_only_with_so_many(api: APIClient, which: str) -> None:
    jobs = [JobFactory(status="failed") for _ in range(2)]
    named: dict[str, Any] = {"filter": {"status": "failed"}} if which == "filter" else {"ids": [*(job.id for job in jobs), "job_gone"]}
    operation = made(api, action="retry", **named)
    expected, path = (2 if which == "ids" else 3), f"/bulk-operations/{operation['id']}/confirm"
    JobFactory(status="failed")
    details = assert_error(send(api, "post", path, {**WHY, "expectedCount": expected - 1}), 409, "CONFLICT")

    assert details == {"matching": expected}
    assert send(api, "get", f"/bulk-operations/{operation['id']}").json()["selected"] == (3 if which == "ids" else None)
    told = send(api, "post", path, {**WHY, "expectedCount": expected}).json()["operation"]
    assert (told["state"], told["selected"]) == ("running", 3)
    assert send(api, "post", path, {**WHY, "expectedCount": 7}).json()["operation"] == told


def test_a_call_sent_again_under_its_key_makes_one_operation(api: APIClient) -> None:
    JobFactory(status="failed")
    body = {"action": "retry", "filter": {"status": "failed"}}
    first, second = (send(api, "post", "/bulk-operations", body, Idempotency_Key="k") for _ in range(2))

    assert first.content == second.content
    assert second["Idempotency-Replayed"] == "true"
    assert BulkOperation.objects.count() == 1


def test_confirmed_twice_it_is_one(api: APIClient) -> None:
    operation = operation_in("preview")
    first, second = (send(api, "post", f"/bulk-operations/{operation.id}/confirm", {"reason": why}) for why in ("a", "b"))

    assert first.json() == second.json()
    assert AuditEntry.objects.filter(subject_id=operation.id, action="confirm").count() == 1


@pytest.mark.parametrize(
    ("act", "state", "leads_to"),
    [("pause", "running", "paused"), ("resume", "paused", "running"), ("stop", "running", "stopped"), ("stop", "preview", "stopped")],
)
def test_it_is_steered_with_a_reason_in_the_audit_log(api: APIClient, act: str, state: str, leads_to: str) -> None:
    operation = operation_in(state)
    told = send(api, "post", f"/bulk-operations/{operation.id}/{act}", {"reason": "because"}).json()["operation"]

    assert told["state"] == leads_to
    entry = AuditEntry.objects.filter(subject_type="bulk_operation", subject_id=operation.id).latest("id")
    assert (entry.action, entry.actor, entry.reason) == (act, "service (API)", "because")


@pytest.mark.parametrize("act", ["pause", "resume", "stop"])
def test_what_is_over_stays_so(api: APIClient, act: str) -> None:
    operation = operation_in("done")
    details = assert_error(send(api, "post", f"/bulk-operations/{operation.id}/{act}", {}), 409, "CONFLICT")

    assert details == {"state": "done"}


def test_a_producer_selects_its_own_jobs_and_learns_nothing_of_others() -> None:
    own, foreign = JobFactory(status="failed"), JobFactory(status="failed")
    Job.objects.filter(id=foreign.id).update(created_by="somebody")
    maker = caller("enqueue")
    by_ids = made(maker, action="retry", ids=[own.id, foreign.id, "job_gone"], confirm=True, **WHY)
    by_filter = made(maker, action="retry", filter={"status": "failed"})

    assert (by_ids["preview"]["count"], by_ids["preview"]["missing"], by_filter["preview"]["count"]) == (1, 2, 1)
    bulk.run_batch()
    items = send(maker, "get", f"/bulk-operations/{by_ids['id']}/items?outcome=skipped").json()["items"]
    assert sorted((item["jobId"], item["words"]) for item in items) == sorted(
        (job_id, "no such job") for job_id in (foreign.id, "job_gone")
    )
    assert Job.objects.get(id=foreign.id).status == Status.FAILED
    entry = AuditEntry.objects.filter(job_id=own.id).latest("sequence")
    assert (entry.actor_kind, entry.actor) == ("producer", PRODUCER.name)


def test_what_a_manager_confirms_of_a_producer_stays_within_the_producer_s_reach() -> None:
    JobFactory(status="failed")
    foreign = JobFactory(status="failed")
    Job.objects.filter(id=foreign.id).update(created_by="somebody")
    operation = made(caller("enqueue"), action="retry", filter={"status": "failed"})
    told = send(caller("manage", name="ops"), "post", f"/bulk-operations/{operation['id']}/confirm", WHY).json()["operation"]

    assert (told["selected"], told["confirmedBy"]) == (1, "ops (API)")


@pytest.mark.parametrize("action", ["release", "acknowledge"])
def test_what_only_staff_may_is_refused_to_a_producer(action: str) -> None:
    asked = {"action": action, "ids": ["job_x"]}
    details = assert_error(send(caller("enqueue"), "post", "/bulk-operations", asked), 403, "AUTHZ_INSUFFICIENT_PERMISSIONS")

    assert details == {"needed": ["manage"], "scopes": ["enqueue"]}
    assert made(caller("manage", name="ops"), **asked)["state"] == "preview"


def test_a_manager_acts_like_staff() -> None:
    job = JobFactory(status="claimed")
    made(caller("manage", name="ops"), action="release", ids=[job.id], confirm=True, **WHY)
    bulk.run_batch()
    assert Job.objects.get(id=job.id).status == Status.QUEUED


def test_a_producer_lists_its_own_operations_and_pages_through_them() -> None:
    maker = caller("enqueue")
    own = [made(maker, action="cancel", ids=["job_x"])["id"] for _ in range(3)]
    made(caller("enqueue", name="other"), action="cancel", ids=["job_x"])
    first = send(maker, "get", "/bulk-operations?pageSize=2").json()
    second = send(maker, "get", f"/bulk-operations?pageSize=2&cursor={first['next']}").json()

    assert [operation["id"] for operation in first["operations"] + second["operations"]] == own[::-1]
    assert second["next"] is None
    assert len(send(caller("read"), "get", "/bulk-operations?state=preview").json()["operations"]) == 4
    assert send(maker, "get", "/bulk-operations?state=done").json()["operations"] == []


def test_items_are_read_in_pages(api: APIClient) -> None:
    jobs = [JobFactory(status="failed") for _ in range(5)]
    operation = made(api, action="retry", ids=[job.id for job in jobs])
    pages = [
        send(api, "get", f"/bulk-operations/{operation['id']}/items?limit=2&after={after}&outcome=pending").json() for after in (0, 2, 4)
    ]

    assert [item["jobId"] for page in pages for item in page["items"]] == [job.id for job in jobs]
    assert [page["next"] for page in pages] == [2, 4, None]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("?state=lost", "state"),
        ("?cursor=a%20b", "cursor"),
        ("?pageSize=201", "pageSize"),
        ("?colour=red", "colour"),
        ("/{id}/items?outcome=lost", "outcome"),
        ("/{id}/items?limit=0", "limit"),
        ("/{id}/items?after=x", "after"),
    ],
)
def test_a_query_that_is_not_known_is_refused(api: APIClient, path: str, field: str) -> None:
    address = f"/bulk-operations{path.format(id=operation_in('preview').id)}"

    assert list(assert_error(send(api, "get", address), 400, "VALIDATION_INVALID_PARAMS")["fields"]) == [field]
