"""What tokens without an orchestrator see: producers their own jobs, readers all of them without secrets."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.actors import Actor
from jobs.enqueueing import NewJob, enqueue
from jobs.masking import MASK
from jobs.models import AuditEntry, Job, Scope
from orchestration_api.authentication import Caller
from orchestration_api.permissions import within_reach
from tests.factories import HOLDER, PRODUCER, JobFactory
from tests.orchestration_api.access import token
from tests.orchestration_api.wire import assert_error, is_time, send

pytestmark = pytest.mark.django_db
Sql = Callable[..., list[tuple[Any, ...]]]
SECRETS = {"rows": 3, "steps": [{"env": {"DB_PASSWORD": "hunter2", "region": "eu"}}], "apiKey": "k-1234567"}
MASKED = {"rows": 3, "steps": [{"env": {"DB_PASSWORD": MASK, "region": "eu"}}], "apiKey": MASK}


def caller(*scopes: str, name: str = "caller", **options: Any) -> APIClient:
    return APIClient(headers={"Authorization": f"Bearer {token(*scopes, name=name, **options)}"})


def test_a_job_has_its_token_s_name_and_the_audit_log_too() -> None:
    made = send(caller("enqueue", name="importer"), "post", "/jobs", {"type": "t", "payload": SECRETS}).json()["job"]

    assert (made["createdBy"], made["payload"]) == ("importer", SECRETS)
    entry = AuditEntry.objects.get(job_id=made["id"])
    assert (entry.actor_kind, entry.actor) == ("producer", "importer")


def test_both_tokens_of_a_name_reach_the_same_jobs() -> None:
    first, second = (caller("enqueue", name="importer") for _ in range(2))
    made = send(first, "post", "/jobs", {"type": "t", "payload": 1}).json()["job"]

    assert send(second, "get", f"/jobs/{made['id']}").status_code == 200
    assert send(second, "post", f"/jobs/{made['id']}/cancel").status_code == 200


def test_a_producer_s_list_holds_its_own_jobs_and_pages_through_them() -> None:
    importer = caller("enqueue", name="importer")
    own = [send(importer, "post", "/jobs", {"type": "t", "payload": n}).json()["job"]["id"] for n in range(3)]
    for _ in range(3):
        JobFactory(type="t")
    first = send(importer, "get", "/jobs?pageSize=2").json()
    second = send(importer, "get", f"/jobs?pageSize=2&cursor={first['next']}").json()

    assert [job["id"] for job in first["results"] + second["results"]] == own[::-1]
    assert second["next"] is None
    assert send(importer, "get", "/jobs?type=t&status=completed").json()["results"] == []
    assert len(send(caller("read"), "get", "/jobs").json()["results"]) == 6


@pytest.mark.parametrize("path", ["", "/history", "/attempts", "/logs", "/logs.txt"])
def test_a_producer_follows_its_job_whoever_runs_it(path: str) -> None:
    job = JobFactory(status="failed")

    assert send(caller("enqueue", name=PRODUCER.name), "get", f"/jobs/{job.id}{path}").status_code == 200


def test_the_story_of_a_job_that_is_gone_is_told_to_those_whose_it_was(sql: Sql) -> None:
    job = JobFactory(status="completed")
    sql("delete from jobs where id = %s", job.id)
    path = f"/jobs/{job.id}/history"

    for one in (
        caller("enqueue", name=PRODUCER.name),
        caller("orchestrate", name="a", orchestrator_id=HOLDER.name),
        caller("read", name="b"),
    ):
        assert [entry["action"] for entry in send(one, "get", path).json()["entries"]] == ["enqueue", "claim", "start", "complete"]
    for other in (caller("enqueue", name="c"), caller("orchestrate", name="d", orchestrator_id="orch-2")):
        assert_error(send(other, "get", path), 404, "JOB_NOT_FOUND")


def test_readers_see_no_secrets_of_a_payload_and_owners_all_of_them() -> None:
    job = JobFactory(payload=SECRETS, status="running")
    owners = [caller("enqueue", name=PRODUCER.name), caller("orchestrate", name="a", orchestrator_id=HOLDER.name)]
    owners.append(caller("orchestrate", "read", name="b", orchestrator_id=HOLDER.name))
    readers = [caller("read", name="c"), caller("orchestrate", "read", name="d", orchestrator_id="orch-2")]
    readers.append(caller("enqueue", "read", name="e"))

    assert [send(one, "get", f"/jobs/{job.id}").json()["payload"] for one in owners] == [SECRETS] * 3
    assert [send(one, "get", f"/jobs/{job.id}").json()["payload"] for one in readers] == [MASKED] * 3


def test_the_shared_key_sees_every_payload_as_it_is(api: APIClient) -> None:
    job = JobFactory(payload=SECRETS)

    assert send(api, "get", f"/jobs/{job.id}").json()["payload"] == SECRETS


def test_who_runs_another_s_job_again_is_not_told_its_secrets() -> None:
    job = JobFactory(payload=SECRETS, status="completed")
    manager = caller("manage")
    again = send(manager, "post", f"/jobs/{job.id}/run-again").json()["job"]
    changed = send(manager, "post", f"/jobs/{job.id}/run-again", {"payload": {"token": "its own"}}).json()["job"]
    owners = send(caller("enqueue", name=PRODUCER.name), "post", f"/jobs/{job.id}/run-again").json()["job"]

    assert again["payload"] == MASKED
    assert changed["payload"] == {"token": "its own"}
    assert owners["payload"] == SECRETS
    assert Job.objects.get(id=again["id"]).payload == SECRETS


def test_a_manager_s_answer_has_no_payload() -> None:
    job = JobFactory(payload=SECRETS)
    answer = send(caller("manage"), "post", f"/jobs/{job.id}/cancel").json()

    assert answer["job"]["status"] == "cancelled"
    assert "payload" not in answer["job"]


def test_me_tells_a_producer_what_it_is() -> None:
    told = send(caller("enqueue", "read", name="importer"), "get", "/orchestrator/me", X_Orchestrator_ID="orch-1").json()

    assert is_time(told.pop("timestamp"))
    assert told == {"orchestratorId": None, "name": "importer", "scopes": ["enqueue", "read"], "expiresAt": None}


def test_me_refuses_an_id_that_is_none_also_where_it_says_nothing() -> None:
    answer = send(caller("enqueue"), "get", "/orchestrator/me", X_Orchestrator_ID="orch 1")

    assert_error(answer, 400, "VALIDATION_INVALID_PARAMS")


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[1]", 400), (b'{"a": 1, "a": 2}', 400), (b'{"reason": "\\u0000"}', 422), (b"x" * 2_000_000, 413)]
)
def test_what_does_not_parse_is_told_before_a_missing_scope_and_a_wrong_field_after_it(body: bytes, status: int) -> None:
    job = JobFactory(status="running")
    reader = caller("read")
    for path in (f"/api/internal/jobs/{job.id}/cancel", f"/api/internal/jobs/{job.id}/acknowledge"):
        assert reader.post(path, body, content_type="application/json").status_code == status
        assert reader.post(path, b'{"reason": 5, "timestamp": 5}', content_type="application/json").status_code == 403
        assert reader.post(path, body[:100], content_type="text/plain").status_code == 415
    assert reader.post("/api/internal/jobs", b'[{"type": 5}]', content_type="application/json").status_code == 403


def test_a_producer_s_list_reads_along_an_index_of_its_own(sql: Sql) -> None:
    """With others' jobs by the thousand, a page of one producer's costs a page."""
    enqueue([NewJob(type="t") for _ in range(20)], by=Actor.producer("importer"))
    for name in ("service", "other"):
        for _ in range(3):
            enqueue([NewJob(type="t") for _ in range(1000)], by=Actor.producer(name))
    sql("analyze jobs")
    own = within_reach(Caller("importer", frozenset({Scope.ENQUEUE})), {Scope.ENQUEUE})
    plan = own.defer("payload", "result").order_by("-created_at", "-id")[:51].explain()

    assert "Backward using jobs_made" in plan, plan
