"""Staff see how things stand with each type, and configure, pause and resume it: asked for a reason first, as themselves."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from jobs import job_types, pausing
from jobs.models import AuditEntry, JobType
from jobs.pausing import Subject
from tests.factories import HOLDER, STAFF, JobFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/jobs/jobtype/"
PAGE = "/admin/jobs/jobtype/report/change/"
WHY = "the report server is slow"
UNSAID = {"retried": "default", "reason": WHY}


def staff(*codenames: str) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client(headers={"X-Request-ID": "request-of-olga"})
    client.force_login(user)
    return client


def act(client: Client, name: str, **sent: Any) -> str:
    """The page that comes when a question was answered."""
    return client.post(PAGE.replace("change", name), {"reason": WHY, **sent}, follow=True).content.decode()


@pytest.fixture
def operator(db: None) -> Client:
    """Somebody who may change types; there is a job of one."""
    JobFactory(type="report")
    return staff("change_jobtype")


def test_a_type_is_configured_by_whom_and_why(operator: Client) -> None:
    assert "1 of its jobs could be claimed now" in operator.get(PAGE.replace("change", "configure")).content.decode()
    said = act(operator, "configure", max_attempts="4", concurrency_limit="2", retried="these", retryable_categories=["network", "timeout"])

    assert "Configured: report." in said
    assert "network, timeout" in said
    assert "0 of 2" in said
    assert WHY in said
    told = JobType.objects.get(name="report")
    assert (told.max_attempts, told.concurrency_limit, told.retryable_categories) == (4, 2, ["network", "timeout"])
    assert (told.timeout_seconds, told.backoff_base_seconds, told.backoff_cap_seconds) == (None, None, None)
    entry = AuditEntry.objects.get(action="configure")
    assert (entry.actor, entry.reason, entry.request_id, entry.subject_id) == ("olga", WHY, "request-of-olga", "report")


def test_the_form_shows_what_was_said_before_and_leaving_a_field_empty_takes_it_back(operator: Client) -> None:
    job_types.configure("report", by=STAFF, reason=WHY, max_attempts=7, retryable_categories=[])
    form = operator.get(PAGE.replace("change", "configure")).context["form"]
    assert (form["max_attempts"].value(), form["retried"].value(), form["retryable_categories"].value()) == (7, "these", [])

    act(operator, "configure", retried="default")
    told = JobType.objects.get(name="report")
    assert (told.max_attempts, told.retryable_categories) == (None, None)
    assert "was so already" in act(operator, "configure", retried="default")


@pytest.mark.parametrize(
    "sent", [{**UNSAID, "max_attempts": "0"}, {**UNSAID, "retried": "these", "retryable_categories": ["luck"]}, {**UNSAID, "reason": " "}]
)
def test_what_makes_no_sense_is_asked_again_and_changes_nothing(operator: Client, sent: dict[str, Any]) -> None:
    assert 'class="err"' in act(operator, "configure", **sent)
    assert not AuditEntry.objects.filter(action="configure").exists()


def test_a_type_is_paused_and_resumed_and_says_why_wherever_it_matters(operator: Client, admin_client: Client) -> None:
    job = JobFactory(type="report")
    assert "Claims of report are paused by olga" in act(operator, "pause")
    assert pausing.reason_for(HOLDER.name, ["report"]) == "paused"
    for url in (LIST, PAGE, f"/admin/jobs/job/{job.id}/change/"):
        assert WHY in admin_client.get(url).content.decode()
    page = operator.get(PAGE).content.decode()
    assert ("Resume…" in page, "Pause…" in page) == (True, False)

    assert "Resumed: report." in act(operator, "resume")
    assert pausing.reason_for(HOLDER.name, ["report"]) is None
    assert WHY not in admin_client.get(f"/admin/jobs/job/{job.id}/change/").content.decode()
    entries = AuditEntry.objects.filter(subject_type="type").order_by("id")
    assert [(entry.action, entry.actor, entry.request_id) for entry in entries] == [
        ("pause", "olga", "request-of-olga"),
        ("resume", "olga", "request-of-olga"),
    ]


def test_a_pause_of_the_site_stands_on_a_job_that_waits_and_on_no_other(admin_client: Client) -> None:
    waiting, held = JobFactory(type="report"), JobFactory(type="import", status="running")
    pausing.pause(by=STAFF, reason="the database moves")

    assert "All claims are paused by anna" in admin_client.get(f"/admin/jobs/job/{waiting.id}/change/").content.decode()
    assert "the database moves" not in admin_client.get(f"/admin/jobs/job/{held.id}/change/").content.decode()


def test_who_holds_the_slots_stands_on_the_page(operator: Client) -> None:
    job_types.configure("report", by=STAFF, reason=WHY, concurrency_limit=3)
    JobFactory(type="report", status="running")

    page = operator.get(PAGE).content.decode()
    assert "1 of 3" in page
    assert "orch-1 (1)" in page


def test_who_may_only_look_is_offered_nothing_and_refused() -> None:
    JobFactory(type="report")
    client = staff("view_jobtype")

    page = client.get(PAGE).content.decode()
    assert [word for word in ("Configure…", "Pause…", "Resume…") if word in page] == []
    for name in ("configure", "pause", "resume"):
        assert client.get(PAGE.replace("change", name)).status_code == 403
        assert client.post(PAGE.replace("change", name), UNSAID).status_code == 403
    assert not AuditEntry.objects.filter(subject_type="type").exists()


def test_a_type_that_nobody_knows_is_told_so(operator: Client) -> None:
    answer = operator.post(PAGE.replace("report", "nothing").replace("change", "pause"), UNSAID, follow=True)
    assert "exist" in answer.content.decode()
    assert not AuditEntry.objects.filter(subject_type="type").exists()


def test_the_list_costs_as_many_queries_whatever_it_is_long(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        JobFactory(type=f"type-{number}")
        job_types.configure(f"type-{number}", by=STAFF, reason=WHY, concurrency_limit=2)
    pausing.pause(by=STAFF, reason=WHY, subject=Subject.type("type-3"))

    with django_assert_max_num_queries(12):
        page = admin_client.get(LIST).content.decode()
    assert page.count("0 of 2") == 30
    assert page.count("Paused") == 1


def test_a_job_with_words_of_its_own_shows_them(admin_client: Client) -> None:
    job = JobFactory(type="report", retry_policy={"backoffBaseSeconds": 77})
    assert "backoffBaseSeconds" in admin_client.get(f"/admin/jobs/job/{job.id}/change/").content.decode()
    assert "Retry policy of its own" not in admin_client.get(f"/admin/jobs/job/{JobFactory().id}/change/").content.decode()
