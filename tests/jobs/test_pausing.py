"""Claims that are stopped: whose, what they are told, and that all else goes on."""

from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from rest_framework.test import APIClient

from jobs import pausing
from jobs.actors import Actor, Holder
from jobs.claiming import claim, is_anything_due, queue_size
from jobs.enqueueing import NewJob, enqueue
from jobs.models import AuditEntry, Pause
from jobs.pausing import SITE, Subject
from tests.factories import HOLDER, OTHER, PRODUCER, STAFF, JobFactory
from tests.orchestration_api.wire import send

pytestmark = pytest.mark.django_db
WHY = "the disk is being changed"
STOP: dict[str, Callable[[], None]] = {
    "paused": lambda: pausing.pause(by=STAFF, reason=WHY),
    "drained": lambda: pausing.drain(HOLDER.name, by=STAFF, reason=WHY),
    "disabled": lambda: pausing.disable(HOLDER.name, by=STAFF, reason=WHY),
}


def make(count: int, *, type: str = "a") -> list[str]:
    return [job.id for job in enqueue([NewJob(type=type) for _ in range(count)], by=PRODUCER)]


def got(by: Holder = HOLDER, job_types: list[str] | None = None) -> list[str]:
    return [job.id for job in claim(by=by, batch_size=500, job_types=job_types).jobs]


def test_a_paused_site_hands_out_nothing_and_says_that_nothing_is_due(holder: Holder, staff: Actor) -> None:
    ids = make(3)
    pausing.pause(by=staff, reason=WHY)
    assert (got(), is_anything_due(), queue_size(), queue_size(["a"])) == ([], False, 0, 0)

    assert pausing.resume(by=staff, reason="done")
    assert (is_anything_due(), queue_size(), queue_size(["a"])) == (True, 3, 3)
    assert got() == ids


def test_a_paused_type_is_left_out_of_every_claim_and_count(staff: Actor) -> None:
    make(2, type="a")
    others = make(3, type="b")
    pausing.pause(by=staff, reason=WHY, subject=Subject.type("a"))

    assert (queue_size(), queue_size(["a"]), queue_size(["a", "b"])) == (3, 0, 3)
    assert (is_anything_due(["a"]), is_anything_due(["b"])) == (False, True)
    assert got(job_types=["a"]) == []
    assert got() == others


@pytest.mark.parametrize("mode", ["drained", "disabled"])
def test_a_stopped_orchestrator_gets_nothing_and_the_others_all(mode: str) -> None:
    ids = make(2)
    STOP[mode]()

    assert got() == []
    assert got(by=OTHER) == ids


@pytest.mark.parametrize("mode", STOP)
def test_what_is_held_is_reported_as_usual(api: APIClient, mode: str) -> None:
    job = JobFactory(status="running")
    STOP[mode]()

    beat = send(api, "post", "/orchestrator/heartbeat", {"runningJobs": [job.id]}).json()
    assert [lease["jobId"] for lease in beat["leases"]] == [job.id]
    assert [one["id"] for one in send(api, "get", "/jobs/orphaned").json()] == [job.id]
    assert send(api, "post", f"/jobs/{job.id}/complete", {"exitCode": 0}).status_code == 200


@pytest.mark.parametrize("mode", STOP)
def test_a_claim_that_is_stopped_is_told_why_at_once(api: APIClient, mode: str) -> None:
    make(1)
    STOP[mode]()
    for method, path in (("get", "/jobs/queue?wait=20"), ("post", "/jobs/claim")):
        answer = send(api, method, path, {"wait": 20} if method == "post" else None)
        assert answer.status_code == 200
        told = answer.json()
        assert (told["jobs"], told["count"], told["metadata"]["reason"]) == ([], 0, mode)


def test_a_claim_of_nothing_but_paused_types_is_told_so_and_one_that_merely_finds_nothing_is_not(api: APIClient, staff: Actor) -> None:
    make(1, type="a")
    pausing.pause(by=staff, reason=WHY, subject=Subject.type("a"))

    assert send(api, "post", "/jobs/claim", {"jobTypes": ["a"]}).json()["metadata"]["reason"] == "paused"
    for types in (["a", "b"], ["b"], None):
        assert "reason" not in send(api, "post", "/jobs/claim", {"jobTypes": types} if types else {}).json()["metadata"]


def test_what_an_orchestrator_is_told_of_itself_comes_before_the_site(staff: Actor) -> None:
    STOP["paused"]()
    STOP["disabled"]()

    assert pausing.reason_for(HOLDER.name) == "disabled"
    assert pausing.reason_for(OTHER.name) == "paused"


def test_a_claim_asked_again_still_brings_what_it_held(holder: Holder) -> None:
    ids = make(2)
    claim(by=holder, batch_size=2, claim_id="c-1")
    STOP["drained"]()

    assert [job.id for job in claim(by=holder, batch_size=2, claim_id="c-1").jobs] == ids


def test_every_act_stands_in_the_audit_log(staff: Actor) -> None:
    for stop in STOP.values():
        stop()
    pausing.pause(by=staff, reason=WHY, subject=Subject.type("a"))
    pausing.resume(by=staff, reason="done", subject=Subject.orchestrator(HOLDER.name))
    pausing.resume(by=staff, reason="again", subject=Subject.orchestrator(HOLDER.name))

    entries = AuditEntry.objects.order_by("id").values_list("action", "subject_type", "subject_id", "actor", "reason", "job_id", "sequence")
    assert list(entries) == [
        ("pause", "site", "site", "anna", WHY, None, None),
        ("drain", "orchestrator", "orch-1", "anna", WHY, None, None),
        ("disable", "orchestrator", "orch-1", "anna", WHY, None, None),
        ("pause", "type", "a", "anna", WHY, None, None),
        ("resume", "orchestrator", "orch-1", "anna", "done", None, None),
    ]


def test_said_again_it_stands_once_with_its_newest_reason(staff: Actor) -> None:
    STOP["drained"]()
    pausing.disable(HOLDER.name, by=staff, reason="it is broken")

    pause = pausing.pause_of(HOLDER.name)
    assert pause is not None
    assert (pause.mode, pause.reason, Pause.objects.count()) == ("disabled", "it is broken", 1)


@pytest.mark.parametrize(
    ("scope", "name", "mode"), [("site", "x", "paused"), ("site", "", "drained"), ("type", "", "paused"), ("orchestrator", "x", "paused")]
)
def test_the_database_refuses_a_pause_that_means_nothing(scope: str, name: str, mode: str) -> None:
    with pytest.raises(IntegrityError):
        Pause.objects.create(scope=scope, name=name, mode=mode, reason=WHY, paused_by="anna")


@pytest.mark.parametrize(
    ("whose", "subject", "mode"),
    [
        ({}, SITE, "paused"),
        ({"type": "a"}, Subject.type("a"), "paused"),
        ({"orchestrator": "o"}, Subject.orchestrator("o"), "drained"),
        ({"orchestrator": "o", "mode": "disabled"}, Subject.orchestrator("o"), "disabled"),
    ],
)
def test_operators_stop_and_resume_by_command(
    whose: dict[str, str], subject: Subject, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("pause_claims", **whose, reason=WHY)
    pause = Pause.objects.get()
    assert (pause.scope, pause.name, pause.mode, pause.reason) == (subject.scope, subject.name, mode, WHY)
    whose.pop("mode", None)
    call_command("resume_claims", **whose, reason="done")
    assert not Pause.objects.exists()
    call_command("resume_claims", **whose, reason="done")

    assert capsys.readouterr().out.splitlines()[1:] == ["Claims go on.", "They were not stopped."]
    assert {entry.actor.endswith("(manage.py)") for entry in AuditEntry.objects.all()} == {True}


def test_a_type_can_not_be_drained() -> None:
    with pytest.raises(CommandError, match="--mode goes with --orchestrator"):
        call_command("pause_claims", type="a", mode="drained", reason=WHY)
