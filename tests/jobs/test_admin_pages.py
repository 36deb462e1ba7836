"""The admin shows: who may look, what stands where, what never shows, and what it costs."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from jobs import bulk, logs
from jobs.actors import Actor
from jobs.bulk import Selection
from jobs.claiming import claim
from jobs.leases import Pulse, heartbeat
from jobs.lifecycle import Status
from jobs.models import AuditEntry, Job, Orchestrator, SweepRun, Watch
from jobs.outcomes import Report
from jobs.sweeps import sweep
from tests.factories import HOLDER, STAFF, JobFactory, claimed, running

LISTS = ["job", "auditentry", "orchestrator", "bulkoperation", "sweeprun"]
HOSTILE = "</pre><script>alert('x')</script><img src=x onerror=alert(1)>"
MOST_QUERIES = 12

Login = Callable[..., Client]


@pytest.fixture
def login(db: None) -> Login:
    def as_staff(*codenames: str) -> Client:
        user = User.objects.create_user("-".join(codenames) or "nobody", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return as_staff


def page_of(job: Job) -> str:
    return reverse("admin:jobs_job_change", args=[job.id])


def list_of(model: str) -> str:
    return reverse(f"admin:jobs_{model}_changelist")


@pytest.mark.parametrize("model", LISTS)
def test_a_superuser_sees_every_list(admin_client: Client, model: str) -> None:
    JobFactory(status="running")
    assert admin_client.get(list_of(model)).status_code == 200


@pytest.mark.parametrize("model", LISTS)
def test_whoever_may_view_sees_the_list_and_whoever_may_not_is_refused(login: Login, model: str) -> None:
    assert login(f"view_{model}").get(list_of(model)).status_code == 200
    assert login().get(list_of(model)).status_code == 403


def test_a_visitor_is_sent_to_the_login_page(client: Client, db: None) -> None:
    answer = client.get(list_of("job"))
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("admin:login"))  # type: ignore[attr-defined]
    assert client.get(reverse("admin:login")).status_code == 200


@pytest.mark.parametrize("status", Status)
def test_a_job_in_any_status_has_a_page_with_its_badge(admin_client: Client, status: Status) -> None:
    page = admin_client.get(page_of(JobFactory(status=status))).content.decode()
    assert f'class="badge s-{status}"' in page
    assert status.label in page


def test_a_job_that_is_not_there_leads_back_to_the_index(admin_client: Client) -> None:
    for job_id in ("job_nowhere", "job_\0"):
        assert admin_client.get(reverse("admin:jobs_job_change", args=[job_id])).status_code == 302


@pytest.mark.parametrize("model", LISTS)
@pytest.mark.parametrize("act", ["add", "change", "delete"])
def test_nobody_adds_changes_or_deletes_by_a_form(admin_client: Client, model: str, act: str) -> None:
    job = JobFactory(status="claimed")
    sweep(by=Actor.sweep())
    rows: dict[str, Any] = {
        "job": job.id,
        "auditentry": AuditEntry.objects.values_list("pk", flat=True)[0],
        "orchestrator": Orchestrator.objects.get().id,
        "sweeprun": SweepRun.objects.values_list("pk", flat=True).first(),
        "bulkoperation": bulk.create("cancel", Selection(ids=[job.id]), by=STAFF).id,
    }
    url = reverse(f"admin:jobs_{model}_{act}", args=[] if act == "add" else [rows[model]])
    assert admin_client.post(url, {"status": "completed", "post": "yes"}).status_code == 403
    job.refresh_from_db()
    assert job.status == Status.CLAIMED


def test_the_failure_stands_first_and_complete(admin_client: Client) -> None:
    job = running(JobFactory(max_attempts=1))
    error = "MemoryError: no room\n" + "line of the trace\n" * 2000 + "the very end"
    job.fail(Report(error=error, exit_code=137, retryable=False), by=HOLDER)
    page = admin_client.get(page_of(job)).content.decode()
    assert "killed (SIGKILL), most often out of memory" in page
    # (The line that names it is marked.)
    assert error in page.replace('<b class="e">', "").replace("</b>", "")
    assert page.index("MemoryError") < page.index("Timeline")


def test_the_failure_of_an_earlier_run_is_not_told_as_the_end(admin_client: Client) -> None:
    job = running(JobFactory(max_attempts=3))
    job.fail(Report(error="the mirror is busy"), by=HOLDER)
    job.cancel(by=STAFF)
    page = admin_client.get(page_of(job)).content.decode()
    assert "Last attempt: Failed: " in page
    assert "Attempt 1 of 3." in page
    # It ended cancelled: at that time nothing failed.
    assert "<p>Failed " not in page


def test_runs_are_counted_once_they_have_begun(admin_client: Client) -> None:
    ways = {"queued": "0 of 3", "claimed": "1 of 3", "completed": "1 of 3", "failed": "1 of 3, 1 failed", "cancelled": "0 of 3"}
    for status, words in ways.items():
        job = JobFactory(status=status, max_attempts=3)
        assert f"<dt>Attempts</dt><dd>{words}</dd>" in admin_client.get(page_of(job)).content.decode()


def test_hostile_text_is_shown_and_not_obeyed(admin_client: Client) -> None:
    job = running(JobFactory(payload={"html": HOSTILE}, metadata={HOSTILE: 1}))
    logs.append(job.id, [{"sequence": 0, "stream": "stderr", "line": HOSTILE}], by=HOLDER, epoch=None)
    job.fail(Report(error=HOSTILE, exit_code=1, retryable=False), by=HOLDER)
    job.retry(by=STAFF, reason=HOSTILE)
    for url in (list_of("job"), page_of(job), list_of("auditentry")):
        page = admin_client.get(url).content.decode()
        assert "&lt;script&gt;alert" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_values_that_look_secret_are_masked_at_any_depth(admin_client: Client) -> None:
    job = running(JobFactory(payload={"steps": [{"env": {"DB_PASSWORD": "hunter2", "region": "eu"}}]}, metadata={"apiKey": "k-1234567"}))
    job.complete(Report(exit_code=0, extras={"artifacts": [{"authorization": "Bearer abcdef"}]}), by=HOLDER)
    page = admin_client.get(page_of(job)).content.decode()
    assert "eu" in page
    assert not [secret for secret in ("hunter2", "k-1234567", "abcdef") if secret in page]


def test_what_is_happening_to_a_job_stands_beside_its_badge(admin_client: Client, sql: Callable[..., Any]) -> None:
    asked = JobFactory(status="running")
    asked.cancel(by=STAFF)
    waiting = running(JobFactory(max_attempts=3))
    waiting.fail(Report(error="again", retry_after_seconds=600), by=HOLDER)
    stuck = claimed(JobFactory())
    sql("update jobs set lease_expires_at = now() - interval '11 minutes' where id = %s", stuck.id)
    assert "cancelling 0:0" in admin_client.get(page_of(asked)).content.decode()
    assert "retry 2/3 in 9:5" in admin_client.get(page_of(waiting)).content.decode()
    assert "stuck 11m" in admin_client.get(page_of(stuck)).content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=failed", "failed"),
        ("type=no.such.type", ""),
        ("attention=cancelling", "asked"),
        ("category=unknown", "failed"),
        ("orchestrator=orch-2", "asked"),
        ("created=1h&status=queued", "queued"),
        ("q=broke+IT", "failed"),
        ("q=100%25", ""),
    ],
)
def test_filters_and_search_find_what_they_say(admin_client: Client, other: Any, query: str, found: str) -> None:
    cast = {"failed": JobFactory(status="failed"), "queued": JobFactory(), "asked": JobFactory(status="running", holder=other)}
    cast["asked"].cancel(by=STAFF)
    listed = admin_client.get(f"{list_of('job')}?{query}").context["cl"].result_list
    assert [job.id for job in listed] == ([cast[found].id] if found else [])


def test_a_job_is_found_by_the_beginning_of_its_id(admin_client: Client) -> None:
    job = JobFactory()
    JobFactory()
    assert [found.id for found in admin_client.get(list_of("job"), {"q": job.id}).context["cl"].result_list] == [job.id]
    assert len(admin_client.get(list_of("job"), {"q": job.id[:6]}).context["cl"].result_list) == 2


def test_the_log_is_searched_by_job_and_by_request(admin_client: Client) -> None:
    job = JobFactory(status="running")
    JobFactory()
    assert admin_client.get(list_of("auditentry"), {"q": job.id}).context["cl"].result_count == 3
    assert admin_client.get(list_of("auditentry"), {"q": "no-such-request"}).context["cl"].result_count == 0


def test_no_other_column_can_be_searched_through_the_address(admin_client: Client) -> None:
    assert admin_client.get(list_of("job"), {"last_error__icontains": "x"}).status_code == 400


@pytest.mark.parametrize("value", ["\0", "nothing", "' or 1=1"])
def test_a_filter_value_that_is_not_offered_finds_nothing(admin_client: Client, value: str) -> None:
    JobFactory()
    for name in ("status", "type", "orchestrator", "category", "attention", "created"):
        assert admin_client.get(list_of("job"), {name: value}).context["cl"].result_count == 0


def test_counting_ends_at_the_cap(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.admin.paging.MOST_COUNTED", 2)
    for _ in range(4):
        JobFactory()
    page = admin_client.get(list_of("job"))
    assert page.context["cl"].result_count == 2
    assert "2+" in page.content.decode()


def test_pages_cost_few_queries_however_many_rows(admin_client: Client, django_assert_max_num_queries: Any) -> None:
    for status in [*Status] * 4:
        JobFactory(status=status)
    failed = running(JobFactory(max_attempts=3))
    failed.fail(Report(error="again", retry_after_seconds=600), by=HOLDER)
    for url in (*map(list_of, LISTS), page_of(failed), reverse("admin:index")):
        with django_assert_max_num_queries(MOST_QUERIES):
            assert admin_client.get(url).status_code == 200


def test_no_page_needs_inline_style_or_script(admin_client: Client) -> None:
    job = JobFactory(status="failed")
    for url in (*map(list_of, LISTS), page_of(job), reverse("admin:index"), reverse("admin:auth_user_changelist")):
        page = admin_client.get(url).content.decode()
        assert "style=" not in page
        assert "<style" not in page
        assert "onclick=" not in page
        assert "<script>" not in page
        assert all(source.startswith(("/static/", "/admin/")) for source in re.findall(r'src="([^"]*)"', page))


def test_every_page_says_while_the_brake_holds_and_none_does_otherwise(admin_client: Client, client: Client) -> None:
    job = JobFactory(status="running")
    pages = [list_of("job"), page_of(job), list_of("auditentry"), reverse("admin:index")]
    assert not any(b"The brake holds" in admin_client.get(page).content for page in pages)
    Watch.objects.update(web_due_by=timezone.now() - timedelta(seconds=1))
    Job.objects.update(lease_expires_at=timezone.now())

    for page in pages:
        said = " ".join(admin_client.get(page).content.decode().split())
        assert "The brake holds: the web server is away. No sweep ends a run whose lease has run out; 1 is kept." in said
    assert b"The brake holds" not in client.get(reverse("admin:login")).content


def test_an_orchestrator_shows_what_it_has_and_what_it_asks_for(admin_client: Client) -> None:
    heartbeat(Pulse(labels=["gpu"], job_types=["render"]), by=HOLDER)
    claim(by=HOLDER, batch_size=1, job_types=["scan"], labels=["fast"])
    page = admin_client.get(reverse("admin:jobs_orchestrator_change", args=[HOLDER.name])).content.decode()

    assert "<dt>Labels</dt><dd>gpu</dd>" in page
    assert "scan +fast" in page
    assert "gpu" in admin_client.get(list_of("orchestrator")).content.decode()
    assert "Requires" not in admin_client.get(page_of(JobFactory())).content.decode()
    assert "<dt>Requires</dt><dd>gpu, region:eu</dd>" in admin_client.get(page_of(JobFactory(labels=["region:eu", "gpu"]))).content.decode()


def test_an_id_that_two_use_at_once_is_marked_and_for_a_day_told_of(admin_client: Client) -> None:
    for host in ("host-a", "host-b", "host-a"):
        heartbeat(Pulse(hostname=host), by=HOLDER)
    pages = [list_of("orchestrator"), reverse("admin:jobs_orchestrator_change", args=[HOLDER.name])]

    for page in pages:
        said = admin_client.get(page).content.decode()
        assert "used by two at once</small></span> host-b and host-a" in said
    Orchestrator.objects.update(double_at=timezone.now() - timedelta(hours=1))
    for page in pages:
        assert "used by two at once until" in admin_client.get(page).content.decode()
    Orchestrator.objects.update(double_at=timezone.now() - timedelta(days=2))
    for page in pages:
        assert "used by two" not in admin_client.get(page).content.decode()
