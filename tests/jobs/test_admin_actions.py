"""Staff act on jobs through the verbs: asked for a reason first, told afterwards what became of each."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from jobs.lifecycle import Status
from jobs.models import AuditEntry, Job
from tests.factories import JobFactory

VERBS = ["retry", "cancel", "release"]
LIST = "/admin/jobs/job/"


@pytest.fixture
def operator(db: None) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="change_job"))
    client = Client(headers={"X-Request-ID": "request-of-olga"})
    client.force_login(user)
    return client


def act(client: Client, verb: str, *jobs: Job, reason: str | None = "it was the disk", **more: str) -> str:
    """Says a verb of jobs, confirmed with a reason unless that is None; the text of the page that comes."""
    confirmed = {} if reason is None else {"confirmed": "1", "reason": reason}
    form = {"action": verb, "index": "0", "_selected_action": [job.id for job in jobs], **confirmed, **more}
    return client.post(LIST, form, follow=True).content.decode()


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [
        ("retry", "failed", "queued"),
        ("retry", "cancelled", "queued"),
        ("cancel", "queued", "cancelled"),
        ("release", "claimed", "queued"),
        ("release", "running", "queued"),
    ],
)
def test_a_confirmed_verb_goes_through_the_door_and_names_who_and_why(operator: Client, verb: str, before: str, after: str) -> None:
    job = JobFactory(status=before)
    assert "1 " in act(operator, verb, job)
    job.refresh_from_db()
    assert job.status == after
    entry = AuditEntry.objects.filter(job_id=job.id).latest("sequence")
    assert (entry.action, entry.actor_kind, entry.actor, entry.reason) == (verb, "user", "olga", "it was the disk")
    assert entry.request_id == "request-of-olga"


def test_a_running_job_is_asked_to_stop_not_stopped(operator: Client) -> None:
    job = JobFactory(status="running")
    assert "1 asked to cancel." in act(operator, "cancel", job)
    assert "1 skipped: already asked to cancel." in act(operator, "cancel", job)
    job.refresh_from_db()
    assert job.status == Status.RUNNING
    assert job.cancel_requested_at is not None


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_happens_before_the_reason_is_given(operator: Client, verb: str) -> None:
    jobs = [JobFactory(status=status) for status in Status]
    before = AuditEntry.objects.count()
    for reason in (None, "", "   "):
        page = act(operator, verb, *jobs, reason=reason)
        assert 'name="reason"' in page
        assert "left out: already completed" in page
    assert "Say why" in page
    assert AuditEntry.objects.count() == before


def test_the_question_says_how_many_and_lists_a_sample(operator: Client) -> None:
    jobs = [JobFactory(status="failed") for _ in range(10)]
    page = act(operator, "retry", *jobs, reason=None)
    assert "Retry 10 jobs" in page
    assert "8 of the 10" in page
    assert "and 2 more" in page


def test_where_nothing_is_possible_there_is_no_button(operator: Client) -> None:
    page = act(operator, "release", JobFactory(status="completed"), reason=None)
    assert "nothing to do" in page
    assert 'type="submit" name="index"' not in page


def test_what_became_of_each_kind_is_told(operator: Client) -> None:
    failed = [JobFactory(status="failed") for _ in range(3)]
    page = act(operator, "retry", *failed, JobFactory(status="completed"))
    assert "3 retried, 1 skipped: already completed." in page


def test_a_job_that_is_gone_is_told_as_such(operator: Client) -> None:
    assert "1 skipped: no such job." in act(operator, "retry", Job(id="job_gone"))


@pytest.mark.parametrize("nonsense", ["a\0b", "no job", "x" * 51])
def test_what_can_be_no_job_is_told_as_such(operator: Client, nonsense: str) -> None:
    job = JobFactory(status="failed")
    selected = {"action": "retry", "index": "0", "_selected_action": [nonsense, job.id]}
    assert operator.post(LIST, selected).status_code == 200
    done = operator.post(LIST, {**selected, "confirmed": "1", "reason": "it was the disk"}, follow=True)
    assert "1 retried, 1 skipped: no such job." in done.content.decode()


def test_the_same_job_twice_is_one(operator: Client) -> None:
    job = JobFactory(status="failed")
    assert "1 retried." in act(operator, "retry", job, job)


def test_from_its_own_page_one_comes_back_to_it(operator: Client) -> None:
    job = JobFactory(status="failed")
    page = act(operator, "retry", job, next=reverse("admin:jobs_job_change", args=[job.id]))
    assert "1 retried." in page
    assert ">Timeline</h2>" in page


def test_whoever_may_only_look_is_offered_nothing_and_changes_nothing(db: None) -> None:
    user = User.objects.create_user("vera", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_job"))
    client = Client()
    client.force_login(user)
    job = JobFactory(status="failed")
    assert "Retry…" not in client.get(LIST).content.decode()
    assert "Needs the permission jobs.change_job." in client.get(reverse("admin:jobs_job_change", args=[job.id])).content.decode()
    act(client, "retry", job)
    job.refresh_from_db()
    assert job.status == Status.FAILED


def test_nobody_is_offered_to_delete_jobs(admin_client: Client) -> None:
    job = JobFactory()
    act(admin_client, "delete_selected", job, post="yes")
    assert Job.objects.filter(id=job.id).exists()
