"""Staff see what failed alike, and say what they make of it: asked for a reason first, as themselves."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from jobs import bulk, triage
from jobs.models import AuditEntry, FailureGroup, Job
from jobs.outcomes import Report
from tests.factories import HOLDER, STAFF, JobFactory, grouped, running

LIST = "/admin/jobs/failuregroup/"
WHY = "it is known"


def failed(error: str = "order 17 not found") -> Job:
    job = running(JobFactory(type="invoice"))
    job.fail(Report(error=error), by=HOLDER)
    return job


def client_with(*permissions: str) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client(headers={"X-Request-ID": "request-of-olga"})
    client.force_login(user)
    return client


@pytest.fixture
def group(db: None) -> FailureGroup:
    return grouped(failed())


@pytest.fixture
def operator(group: FailureGroup) -> Client:
    return client_with("change_failuregroup", "view_job")


@pytest.mark.parametrize(
    ("name", "terms", "state"),
    [
        ("acknowledge", {"owner": "ben", "note": "the import"}, "Acknowledged"),
        ("snooze", {"hours": "3"}, "Snoozed"),
        ("snooze", {"failures": "5"}, "Snoozed"),
        ("resolve", {}, "Resolved"),
    ],
)
@pytest.mark.parametrize("place", ["page", "list"])
def test_a_group_is_triaged_from_its_page_and_from_the_list(
    operator: Client, group: FailureGroup, name: str, terms: dict[str, str], state: str, place: str
) -> None:
    if place == "page":
        url, body = f"{LIST}{group.pk}/{name}/", dict[str, Any](terms, reason=WHY)
        question = operator.get(url).content.decode()
    else:
        url, chosen = LIST, {"action": name, "_selected_action": [group.pk], "index": "0"}
        question = operator.post(url, chosen).content.decode()
        body = chosen | {"confirmed": "1", "reason": WHY, **terms}
    assert "order # not found" in question
    assert "Neither jobs nor counts are changed." in question
    group.refresh_from_db()
    assert group.state == "new"

    said = operator.post(url, body, follow=True).content.decode()
    group.refresh_from_db()
    entry = AuditEntry.objects.get(subject_type="failure_group")
    assert state in said
    assert group.get_state_display() == state
    assert (entry.action, entry.actor, entry.reason, entry.request_id) == (name, "olga", WHY, "request-of-olga")
    if name == "acknowledge":
        assert (group.owner, group.note) == ("ben", "the import")


@pytest.mark.parametrize("place", ["page", "list"])
def test_the_failed_jobs_of_a_group_are_retried_by_who_may_change_many_jobs(group: FailureGroup, place: str) -> None:
    client = client_with("change_failuregroup", "change_job", "view_bulkoperation", "add_bulkoperation")
    if place == "page":
        assert "Retry…" in client.get(f"{LIST}{group.pk}/change/").content.decode()
        url, body = f"{LIST}{group.pk}/retry/", dict[str, Any]()
    else:
        url, body = LIST, {"action": "retry", "_selected_action": [group.pk], "index": "0", "confirmed": "1"}
    said = client.post(url, body | {"canaries": "2", "minutes": "10", "reason": WHY}, follow=True).content.decode()
    retry = bulk.last_retry(group.pk)

    assert "1 being retried." in said
    assert retry is not None
    assert (retry.canaries, retry.over_seconds, retry.state) == (2, 600, "trying")
    assert f"/admin/jobs/bulkoperation/{retry.operation_id}/change/" in client.get(f"{LIST}{group.pk}/change/").content.decode()
    again = client.post(f"{LIST}{group.pk}/retry/", {"canaries": "2", "minutes": "0", "reason": WHY}, follow=True).content.decode()
    assert "1 left out: being retried already." in again


@pytest.mark.parametrize("held", ["change_job", "add_bulkoperation"])
def test_who_may_change_only_few_jobs_or_none_retries_no_group(group: FailureGroup, held: str) -> None:
    operator = client_with("change_failuregroup", "view_job", held)
    assert "Retry…" not in operator.get(f"{LIST}{group.pk}/change/").content.decode()
    assert operator.post(f"{LIST}{group.pk}/retry/", {"canaries": "2", "minutes": "0", "reason": WHY}).status_code == 403
    body = {
        "action": "retry",
        "_selected_action": [group.pk],
        "index": "0",
        "confirmed": "1",
        "canaries": "2",
        "minutes": "0",
        "reason": WHY,
    }
    operator.post(LIST, body)

    assert bulk.last_retry(group.pk) is None


def test_of_a_selection_what_is_not_possible_is_left_out_and_told(operator: Client, group: FailureGroup) -> None:
    other = grouped(failed("disk full"))
    triage.resolve(other.pk, by=STAFF)
    body = {"action": "acknowledge", "_selected_action": [group.pk, other.pk, "0" * 16], "confirmed": "1", "reason": WHY, "index": "0"}

    said = operator.post(LIST, body, follow=True).content.decode()
    assert "1 acknowledged, 1 left out: resolved, 1 left out: no such group." in said


@pytest.mark.parametrize(
    ("name", "body"), [("resolve", {"reason": " "}), ("snooze", {"reason": WHY}), ("snooze", {"reason": WHY, "hours": "0"})]
)
def test_without_a_reason_or_an_end_nothing_is_done(operator: Client, group: FailureGroup, name: str, body: dict[str, Any]) -> None:
    answer = operator.post(f"{LIST}{group.pk}/{name}/", body).content.decode()
    group.refresh_from_db()

    assert 'class="err"' in answer
    assert group.state == "new"


def test_only_what_is_possible_is_offered(operator: Client, group: FailureGroup) -> None:
    def offered() -> list[str]:
        page = operator.get(f"{LIST}{group.pk}/change/").content.decode()
        return [word for word in ("Acknowledge", "Snooze", "Resolve", "Reopen") if f"{word}…" in page]

    assert offered() == ["Acknowledge", "Snooze", "Resolve"]
    triage.resolve(group.pk, by=STAFF)
    assert offered() == ["Reopen"]


def test_who_may_only_look_is_offered_nothing_and_refused(group: FailureGroup) -> None:
    client = client_with("view_failuregroup")

    assert "Resolve…" not in client.get(f"{LIST}{group.pk}/change/").content.decode()
    assert client.get(f"{LIST}{group.pk}/resolve/").status_code == 403
    assert client.post(f"{LIST}{group.pk}/resolve/", {"reason": WHY}).status_code == 403
    assert client.post(f"{LIST}{'0' * 16}/resolve/", {"reason": WHY}).status_code == 403
    client.post(LIST, {"action": "resolve", "_selected_action": [group.pk], "confirmed": "1", "reason": WHY, "index": "0"})
    group.refresh_from_db()
    assert group.state == "new"


def test_a_group_leads_to_the_jobs_that_stand_failed_so_and_a_job_to_its_group(operator: Client, group: FailureGroup) -> None:
    job, other = failed(), failed("disk full")
    page = operator.get(f"{LIST}{group.pk}/change/").content.decode()
    link = f"/admin/jobs/job/?fingerprint={group.pk}&amp;status=failed"
    assert f'<a href="{link}">2</a>' in page

    jobs = operator.get(link.replace("&amp;", "&")).context["cl"].result_list
    assert {one.id for one in jobs} == {group.example_job_id, job.id}
    assert other.id not in {one.id for one in jobs}
    assert f'href="/failures/{group.pk}"' in operator.get(f"/admin/jobs/job/{job.id}/change/").content.decode()


def test_the_list_is_searched_by_words_and_fingerprint_and_takes_few_queries(
    operator: Client, group: FailureGroup, django_assert_max_num_queries: Any
) -> None:
    for error in ("disk full", "no such table", "no such column"):
        grouped(failed(error))

    def found(**query: str) -> set[str]:
        with django_assert_max_num_queries(12):
            return {one.title for one in operator.get(LIST, query).context["cl"].result_list}

    assert len(found()) == 4
    assert found(q="such no") == {"no such table", "no such column"}
    assert found(q=group.pk) == {"order # not found"}
    assert found(state="resolved") == set()
    assert len(found(state="new", type="invoice", category="unknown")) == 4
    assert found(o="-5") == found()


def test_a_group_of_more_than_50_jobs_is_retried_only_by_who_may_act_on_many(group: FailureGroup) -> None:
    for _ in range(50):
        failed()
    body = {"canaries": "2", "minutes": "0", "reason": WHY}
    operators_own = {"change_failuregroup", "view_job", "change_job", "add_bulkoperation"}

    assert client_with(*operators_own).post(f"{LIST}{group.pk}/retry/", body).status_code == 403
    assert bulk.last_retry(group.pk) is None


def test_the_list_tells_what_is_new_since_yesterday(operator: Client, group: FailureGroup) -> None:
    old = grouped(failed("disk full"))
    FailureGroup.objects.filter(pk=old.pk).update(first_seen_at=timezone.now() - timedelta(days=3))

    assert [one.pk for one in operator.get(LIST, {"new": "24h"}).context["cl"].result_list] == [group.pk]
