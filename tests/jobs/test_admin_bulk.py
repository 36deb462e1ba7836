"""Bulk operations in the admin: from the list of jobs to the page that tells what became of each."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from jobs import bulk
from jobs.bulk import Selection
from jobs.models import AuditEntry, BulkItem, BulkOperation, Job
from tests.factories import STAFF, JobFactory

LIST = "/admin/jobs/job/"
WHY = "the disk is mended"
KEY = "0f" * 16
OPERATORS_OWN = ("change_job", "add_bulkoperation", "change_bulkoperation")
EVERY_PERMISSION = (*OPERATORS_OWN, "act_on_many")


def staff_member(*codenames: str) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def olga(db: None) -> Client:
    return staff_member(*EVERY_PERMISSION)


@pytest.fixture
def failed(db: None) -> list[Job]:
    return [JobFactory(status="failed", type="report") for _ in range(60)]


def all_that_match(client: Client, action: str, query: str = "", **more: str) -> Any:
    return client.post(f"{LIST}{query}", {"action": action, "index": "0", "select_across": "1", **more}, follow=True)


def page_of(operation: BulkOperation) -> str:
    return reverse("admin:jobs_bulkoperation_change", args=[operation.id])


def test_all_that_match_are_offered_where_they_are_more_than_a_page(olga: Client, failed: list[Job]) -> None:
    assert "all 60 that match" in olga.get(f"{LIST}?status=failed").content.decode()
    assert "that match" not in olga.get(f"{LIST}?status=queued").content.decode()


def test_the_question_tells_what_it_comes_to_and_changes_nothing(olga: Client, failed: list[Job]) -> None:
    JobFactory(status="completed", type="report")
    page = all_that_match(olga, "retry", "?type=report").content.decode()

    assert "Retry 60 jobs" in page
    assert "Type is report" in page
    assert "left out: already completed" in page
    assert "and 52 more" in page
    assert not BulkOperation.objects.exists()


def test_confirmed_it_begins_and_leads_to_its_page(olga: Client, failed: list[Job]) -> None:
    JobFactory(status="failed", type="export")
    page = all_that_match(olga, "retry", "?type=report&o=-8", confirmed="1", reason=WHY, form_key=KEY, shown="58").content.decode()

    operation = BulkOperation.objects.get()
    assert "60 jobs selected. 58 were shown." in page
    assert (operation.state, operation.selected, operation.selection, operation.confirmed_by) == ("running", 60, "type is report", "olga")
    bulk.run_batch()
    assert Job.objects.filter(status="failed").get().type == "export"
    assert set(AuditEntry.objects.filter(request_id=operation.id).values_list("actor_kind", "actor", "reason")) == {("user", "olga", WHY)}


@pytest.mark.parametrize(
    ("permissions", "name"), [(["view_bulkoperation"], "pages:bulk_operation"), ([], "admin:jobs_bulkoperation_change")]
)
def test_begun_it_leads_to_where_its_progress_may_be_seen(permissions: list[str], name: str, failed: list[Job]) -> None:
    client = staff_member(*EVERY_PERMISSION, *permissions)
    answer = all_that_match(client, "retry", "?status=failed", confirmed="1", reason=WHY, form_key=KEY)

    assert answer.redirect_chain == [(reverse(name, args=[BulkOperation.objects.get().id]), 302)]


def test_sent_twice_it_is_one_operation(olga: Client, failed: list[Job]) -> None:
    for _ in range(2):
        all_that_match(olga, "retry", "?status=failed", confirmed="1", reason=WHY, form_key=KEY)

    operation = BulkOperation.objects.get()
    assert AuditEntry.objects.filter(subject_id=operation.id, action="confirm").count() == 1


def test_its_form_has_a_key_of_its_own_each_time_it_is_asked_anew(olga: Client, failed: list[Job]) -> None:
    keys = [re.findall(r'name="form_key" value="(\w+)"', all_that_match(olga, "retry").content.decode()) for _ in range(2)]

    assert len({key for (key,) in keys}) == 2


@pytest.mark.parametrize("made_up", [{"form_key": "a\0b"}, {"form_key": KEY + "0"}, {"shown": "9" * 5000}, {"shown": "-1"}, {"shown": "²"}])
def test_what_the_form_never_held_is_as_if_it_were_not_sent(olga: Client, failed: list[Job], made_up: dict[str, str]) -> None:
    page = all_that_match(olga, "retry", confirmed="1", reason=WHY, **made_up).content.decode()

    operation = BulkOperation.objects.get()
    assert "60 jobs selected. The sweep loop carries it out." in page
    assert (operation.state, operation.form_key) == ("running", None)
    asked_again = all_that_match(olga, "retry", confirmed="1", reason="", **made_up).content.decode()
    assert re.search(r'name="form_key" value="[0-9a-f]{32}"', asked_again)


def test_more_than_a_page_of_ids_is_an_operation_too(olga: Client, failed: list[Job]) -> None:
    ids = [job.id for job in failed]
    olga.post(LIST, {"action": "retry", "index": "0", "_selected_action": [*ids, "a\0b"], "confirmed": "1", "reason": WHY})

    assert BulkOperation.objects.get().selected == 60


def test_a_priority_is_asked_for_and_set(olga: Client) -> None:
    jobs = [JobFactory(type="report") for _ in range(2)]
    refused = all_that_match(olga, "edit", "?type=report", confirmed="1", reason=WHY, priority="101").content.decode()
    assert "less than or equal to 100" in refused
    assert "Set the priority of 2 jobs" in refused
    all_that_match(olga, "edit", "?type=report", confirmed="1", reason=WHY, priority="90")
    bulk.run_batch()
    assert {job.priority for job in Job.objects.all()} == {90}

    one = {"action": "edit", "index": "0", "_selected_action": [jobs[0].id], "confirmed": "1", "reason": WHY, "priority": "10"}
    assert "1 edited." in olga.post(LIST, one, follow=True).content.decode()
    assert Job.objects.get(id=jobs[0].id).priority == 10


def test_too_many_are_refused_with_their_number(olga: Client, failed: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bulk.selection.MOST", 50)
    page = all_that_match(olga, "retry").content.decode()

    assert "60 jobs match; an operation has at most 50. Narrow the filter." in page


def test_whoever_may_change_jobs_but_not_many_is_offered_and_given_none(failed: list[Job]) -> None:
    client = staff_member("change_job")
    assert "that match" not in client.get(LIST).content.decode()
    assert all_that_match(client, "retry", confirmed="1", reason=WHY).status_code == 403
    assert not BulkOperation.objects.exists()


@pytest.mark.parametrize("how", ["all that match", "ids"])
def test_more_than_50_at_once_are_for_those_with_leave_and_else_nothing_is_begun(failed: list[Job], how: str) -> None:
    client = staff_member(*OPERATORS_OWN)
    many = {"select_across": "1"} if how == "all that match" else {"_selected_action": [job.id for job in failed]}
    asked = {"action": "retry", "index": "0", **many}
    assert "that match" not in client.get(LIST).content.decode()

    for body in (asked, {**asked, "confirmed": "1", "reason": WHY}):
        assert client.post(LIST, body).status_code == 403
    assert not BulkOperation.objects.exists()


def test_up_to_50_at_once_need_no_leave(failed: list[Job]) -> None:
    client = staff_member(*OPERATORS_OWN)
    operation = bulk.create("retry", Selection(ids=[job.id for job in failed[:50]]), by=STAFF)
    client.post(reverse("admin:jobs_bulkoperation_confirm", args=[operation.id]), {"reason": WHY})

    operation.refresh_from_db()
    assert operation.confirmed_by == "olga"


def test_nobody_without_leave_confirms_what_is_about_more_than_50(failed: list[Job]) -> None:
    client = staff_member(*OPERATORS_OWN)
    operation = bulk.create("retry", Selection(filter={"status": "failed"}), by=STAFF)

    assert client.post(reverse("admin:jobs_bulkoperation_confirm", args=[operation.id]), {"reason": WHY}).status_code == 403
    operation.refresh_from_db()
    assert (operation.state, operation.selected) == ("preview", None)


def test_the_page_tells_what_became_of_each_and_by_outcome(olga: Client) -> None:
    jobs = [JobFactory(status=status) for status in ("failed", "failed", "completed")]
    operation = bulk.create("retry", Selection(ids=[*(job.id for job in jobs), "job_gone"]), by=STAFF)
    bulk.confirm(operation.id, by=STAFF, reason=WHY)
    bulk.run_batch()
    page = olga.get(page_of(operation)).content.decode()
    skipped = olga.get(f"{page_of(operation)}?outcome=skipped").context["items"]

    assert "Retry 4 jobs" in page
    assert {"Changed 2", "Skipped 2", "Failed 0", "Pending 0"} <= set(re.findall(r">(\w+ \d)</a>", page))
    assert "already completed" in page
    assert [(item.job_id, item.words) for item in skipped] == [(jobs[2].id, "already completed"), ("job_gone", "no such job")]


def test_its_items_are_read_a_page_at_a_time(olga: Client, failed: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.admin.bulk.MOST_ITEMS", 40)
    operation = bulk.create("retry", Selection(ids=[job.id for job in failed]), by=STAFF)
    first = olga.get(page_of(operation))
    second = olga.get(f"{page_of(operation)}?after={first.context['next']}")

    assert [item.job_id for page in (first, second) for item in page.context["items"]] == [job.id for job in failed]
    assert second.context["next"] is None


@pytest.mark.parametrize(("act", "leads_to"), [("confirm", "running"), ("pause", "paused"), ("resume", "running"), ("stop", "stopped")])
def test_what_is_open_is_offered_asked_for_a_reason_and_done(olga: Client, act: str, leads_to: str) -> None:
    operation = bulk.create("retry", Selection(ids=[JobFactory(status="failed").id]), by=STAFF)
    if act != "confirm":
        bulk.confirm(operation.id, by=STAFF, reason=WHY)
    if act == "resume":
        bulk.pause(operation.id, by=STAFF)
    url = reverse(f"admin:jobs_bulkoperation_{act}", args=[operation.id])
    assert url in olga.get(page_of(operation)).content.decode()
    assert "Say why" in olga.post(url, {"reason": ""}).content.decode()

    assert f"The operation is {leads_to}." in olga.post(url, {"reason": "because"}, follow=True).content.decode()
    operation.refresh_from_db()
    assert operation.state == leads_to
    entry = AuditEntry.objects.filter(subject_id=operation.id).latest("id")
    assert (entry.action, entry.actor, entry.reason) == (act, "olga", "because")


def test_what_came_too_late_is_told(olga: Client) -> None:
    operation = bulk.create("retry", Selection(ids=["job_gone"]), by=STAFF)
    bulk.confirm(operation.id, by=STAFF, reason=WHY)
    bulk.run_batch()
    page = olga.post(reverse("admin:jobs_bulkoperation_pause", args=[operation.id]), {"reason": "x"}, follow=True).content.decode()

    assert f"Operation {operation.id} is done: pause is not possible any more." in page
    assert "Pause…" not in page


def test_whoever_may_only_look_is_offered_nothing(db: None) -> None:
    client = staff_member("view_bulkoperation")
    operation = bulk.create("retry", Selection(ids=["job_gone"]), by=STAFF)
    assert "Confirm…" not in client.get(page_of(operation)).content.decode()
    assert client.post(reverse("admin:jobs_bulkoperation_confirm", args=[operation.id]), {"reason": "x"}).status_code == 403
    assert "Retry 1 job" in client.get(reverse("admin:jobs_bulkoperation_changelist")).content.decode()
    assert BulkItem.objects.filter(outcome=None).count() == 0


@pytest.mark.parametrize(("action", "acted_on"), [("cancel", "change_job"), ("acknowledge", "change_failuregroup")])
@pytest.mark.parametrize("lacking", ["acted_on", "add_bulkoperation", ""])
def test_whoever_could_not_begin_it_does_not_confirm_it_but_may_stop_it(db: None, action: str, acted_on: str, lacking: str) -> None:
    held = {"view_bulkoperation", "change_bulkoperation", "add_bulkoperation", acted_on} - {acted_on if lacking == "acted_on" else lacking}
    client = staff_member(*held)
    operation = bulk.create(action, Selection(ids=[JobFactory(status="failed").id]), by=STAFF)
    confirm, stop = (reverse(f"admin:jobs_bulkoperation_{act}", args=[operation.id]) for act in ("confirm", "stop"))
    page = client.get(page_of(operation)).content.decode()

    assert stop in page
    assert (confirm in page) is not bool(lacking)
    assert client.get(confirm).status_code == (403 if lacking else 200)
    assert client.post(confirm, {"reason": "x"}).status_code == (403 if lacking else 302)
    operation.refresh_from_db()
    assert operation.state == ("preview" if lacking else "running")
