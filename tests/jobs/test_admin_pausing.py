"""Staff drain, disable and resume an orchestrator: asked for a reason first, as themselves, and only where it would change anything."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from jobs import pausing
from jobs.models import AuditEntry
from jobs.records import SiteAct
from tests.factories import HOLDER, STAFF, JobFactory

PAGE = f"/admin/jobs/orchestrator/{HOLDER.name}/change/"
WHY = "a new disk"


def act(client: Client, name: str, *, reason: str = WHY) -> str:
    """The page that comes when a question was answered with this reason."""
    return client.post(PAGE.replace("change", name), {"reason": reason}, follow=True).content.decode()


@pytest.fixture
def operator(db: None) -> Client:
    """Somebody who may change orchestrators; HOLDER is known and holds a job."""
    JobFactory(status="running")
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="change_orchestrator"))
    client = Client(headers={"X-Request-ID": "request-of-olga"})
    client.force_login(user)
    return client


@pytest.mark.parametrize(("name", "mode"), [("drain", "drained"), ("disable", "disabled")])
def test_an_orchestrator_is_stopped_and_resumed_by_whom_and_why(operator: Client, name: str, mode: str) -> None:
    question = operator.get(PAGE.replace("change", name)).content.decode()
    assert "It holds 1 job now." in question
    assert pausing.pause_of(HOLDER.name) is None

    said = act(operator, name)
    assert mode.capitalize() in said
    assert WHY in said
    assert pausing.reason_for(HOLDER.name) == mode
    assert "gets jobs again" in act(operator, "resume", reason="it is in")
    assert pausing.reason_for(HOLDER.name) is None
    entries = AuditEntry.objects.filter(subject_id=HOLDER.name).order_by("id")
    assert [(entry.action, entry.actor, entry.reason, entry.request_id) for entry in entries] == [
        (name, "olga", WHY, "request-of-olga"),
        ("resume", "olga", "it is in", "request-of-olga"),
    ]


def test_the_audit_log_is_looked_through_for_each_of_these_acts(admin_client: Client) -> None:
    for stop in (pausing.drain, pausing.disable):
        stop(HOLDER.name, by=STAFF, reason=WHY)
    page = admin_client.get("/admin/jobs/auditentry/", {"action": "drain"})

    assert [entry.action for entry in page.context["cl"].result_list] == ["drain"]
    assert [act for act in SiteAct if f"?action={act}" not in page.content.decode()] == []


def test_without_a_reason_nothing_is_done(operator: Client) -> None:
    assert "Say why" in act(operator, "drain", reason=" ")
    assert pausing.pause_of(HOLDER.name) is None


@pytest.mark.parametrize(
    ("mode", "open_acts"), [(None, ["Drain", "Disable"]), ("drained", ["Disable", "Resume"]), ("disabled", ["Drain", "Resume"])]
)
def test_only_what_would_change_something_is_offered(operator: Client, mode: str | None, open_acts: list[str]) -> None:
    if mode:
        (pausing.drain if mode == "drained" else pausing.disable)(HOLDER.name, by=STAFF, reason=WHY)
    page = operator.get(PAGE).content.decode()

    assert [word for word in ("Drain", "Disable", "Resume") if f"{word}…" in page] == open_acts


def test_who_may_only_look_is_offered_nothing_and_refused(db: None) -> None:
    JobFactory(status="running")
    user = User.objects.create_user("otto", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_orchestrator"))
    client = Client()
    client.force_login(user)

    assert "Drain…" not in client.get(PAGE).content.decode()
    assert client.post(PAGE.replace("change", "drain"), {"reason": WHY}).status_code == 403
    assert pausing.pause_of(HOLDER.name) is None


def test_one_that_nobody_has_heard_of_is_told_so(operator: Client) -> None:
    answer = operator.post("/admin/jobs/orchestrator/nobody/drain/", {"reason": WHY}, follow=True)
    assert "exist" in answer.content.decode()
    assert not AuditEntry.objects.filter(action="drain").exists()


def test_what_an_orchestrator_has_not_started_is_taken_back(operator: Client) -> None:
    assert "Take back…" not in operator.get(PAGE).content.decode()
    job = JobFactory(status="claimed")
    assert "Take back…" in operator.get(PAGE).content.decode()

    said = act(operator, "take-back")
    assert "has no job any more that it had not started" in said
    assert "1 held now" in said
    job.refresh_from_db()
    assert job.status == "queued"
    released = AuditEntry.objects.filter(job_id=job.id).latest("sequence")
    assert (released.action, released.actor, released.reason, released.request_id) == ("release", "olga", WHY, "request-of-olga")
    assert AuditEntry.objects.get(action="take_back").reason == WHY
