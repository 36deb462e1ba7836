"""The page of one job: what stands there, for whom, and what it costs."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from jobs import logs, retention
from jobs.lifecycle import Status
from jobs.models import Job
from jobs.outcomes import Report
from jobs.reading import TooSlow
from jobs.retention import Periods
from jobs.views import job as page_of_job
from tests.factories import HOLDER, STAFF, JobFactory, grouped, running
from tests.jobs.pages.conftest import Visitor
from tests.past import ended
from tests.past import write as wrote
from tests.queries import questions

MOST_QUERIES = 12
ASKED_AGAIN = {"HX-Request": "true"}
HOSTILE = "</pre><script>alert('x')</script>"


def page(browser: Client, job: Job, **query: str) -> str:
    return " ".join(browser.get(job.get_absolute_url(), query).text.split())


def failed(times: int = 1, *, most: int = 3, error: str = "MemoryError: no room", **report: Any) -> Job:
    job: Job = JobFactory(max_attempts=most)
    for _ in range(times):
        running(job).fail(Report(error=error, retry_after_seconds=0, **report), by=HOLDER)
    return job


@pytest.mark.parametrize("status", Status)
def test_a_job_in_any_status_is_shown_with_what_may_be_done(status: Status, visitor: Visitor) -> None:
    shown = page(visitor("operator"), JobFactory(status=status))

    assert f'class="badge s-{status}"' in shown
    for act in ("retry", "cancel", "release"):
        assert f'value="{act}"' in shown


def test_the_failure_stands_first_and_says_what_when_where_and_how_often(visitor: Visitor) -> None:
    job = failed(3, exit_code=137)
    grouped(job)
    shown = page(visitor("viewer"), job)

    assert "Exit 137: killed (SIGKILL), most often out of memory" in shown
    assert "Attempt 3 of 3, so it is not tried again." in shown
    assert "attempts 1, 2, 3" in shown
    assert "1 job failed alike</a>, first" in shown
    assert shown.index('id="failure"') < shown.index('id="timeline"') < shown.index('id="attempts"')
    assert shown.count("MemoryError: no room</bdi></summary>") == 3


def test_an_error_of_megabytes_is_whole_on_the_page_and_cut_in_the_list(visitor: Visitor) -> None:
    job = running(JobFactory(max_attempts=1))
    job.fail(Report(error="boom\n" + "y" * 2_000_000, exit_code=1), by=HOLDER)
    browser = visitor("viewer")
    shown = browser.get(job.get_absolute_url()).text

    assert "y" * 2_000_000 in shown
    assert shown.count("y" * 3000) == 2_000_000 // 3000 + 1
    assert "The first 4,000 of 2,000,005 characters." in shown
    whole = browser.get(reverse("pages:job_error_text", args=[job.id, job.epoch]))
    assert (whole.text, whole["Content-Type"]) == ("boom\n" + "y" * 2_000_000, "text/plain; charset=utf-8")


def test_hostile_text_is_shown_and_not_obeyed(visitor: Visitor) -> None:
    job = running(JobFactory(payload={"html": HOSTILE, "name": "gnp.\u202eexe"}, max_attempts=2))
    lines = [f"\x1b[31m{HOSTILE}\x1b[0m", "gnp.\u202eexe", "x" * 1_000_000, "=cmd|' /C calc'!A0"]
    logs.append(job.id, [{"sequence": place, "stream": "stdout", "line": line} for place, line in enumerate(lines)], by=HOLDER, epoch=None)
    job.fail(Report(error=f"\x1b[31m{HOSTILE} \u202eevil", exit_code=1, retryable=False), by=HOLDER)
    job.retry(by=STAFF, reason=f"{HOSTILE} \u202e")
    shown = visitor("admin").get(job.get_absolute_url()).text

    assert shown.count("&lt;script&gt;alert") >= 4
    assert not [mark for mark in ("<script>alert", "\x1b", "\u202e") if mark in shown]
    assert "gnp.[U+202E]exe" in shown
    assert "(1,000,000 characters)" in shown
    assert len(shown) < 100_000


def test_only_who_may_read_payloads_sees_them_and_secrets_nobody(visitor: Visitor) -> None:
    job = JobFactory(payload={"region": "eu-central-1", "api_token": "hunter2"}, metadata={"tenant": "northwind"})
    operator, viewer = visitor("operator"), visitor("viewer")
    for address in (job.get_absolute_url(), reverse("admin:jobs_job_change", args=[job.id])):
        seen, hidden = operator.get(address).text, viewer.get(address).text
        assert "eu-central-1" in seen
        assert "1 value masked" in seen
        assert "hunter2" not in seen
        assert "needs the permission jobs.view_payload" in hidden
        assert not [word for word in ("eu-central-1", "northwind", "hunter2") if word in hidden]


def test_acts_say_why_not_and_lead_back_here(visitor: Visitor) -> None:
    job = JobFactory(status="running")
    viewer, operator, admin = (page(visitor(role), job) for role in ("viewer", "operator", "admin"))

    assert viewer.count("Needs the permission jobs.change_job.") == 4
    assert "Only while failed or cancelled; this job is running." in operator
    assert 'value="retry" aria-disabled="true" aria-describedby="why-retry"' in operator
    assert operator.count("Needs the permission jobs.force_job.") == 2
    assert "Needs the permission" not in admin
    assert f'name="next" value="/jobs/{job.id}"' in operator


def test_an_act_comes_back_to_the_page_and_says_what_became_of_it(visitor: Visitor) -> None:
    job = JobFactory(status="failed")
    form = {"action": "retry", "_selected_action": job.id, "next": job.get_absolute_url()}
    browser = visitor("operator")

    assert "Kept in the audit log." in browser.post("/admin/jobs/job/", form).text
    answer = browser.post("/admin/jobs/job/", form | {"confirmed": "1", "reason": "the disk is back"}, follow=True)
    assert answer.redirect_chain == [(job.get_absolute_url(), 302)]
    assert "1 retried." in answer.text


def test_priority_is_offered_while_it_waits_and_an_end_by_force_while_it_is_held(visitor: Visitor) -> None:
    browser = visitor("admin")
    waits, held, over = (page(browser, JobFactory(status=status)) for status in ("queued", "claimed", "completed"))

    assert [text.count('value="edit"') for text in (waits, held, over)] == [1, 0, 0]
    assert [text.count('value="force_') for text in (waits, held, over)] == [0, 2, 0]


def test_a_job_that_waits_says_why_it_is_not_running(visitor: Visitor) -> None:
    shown = page(visitor("viewer"), JobFactory())
    assert "Why is it not running?" in shown
    assert "No orchestrator that was heard of" in shown


def test_a_pending_cancel_says_who_asked_and_whether_it_was_told(visitor: Visitor) -> None:
    job = JobFactory(status="running")
    job.cancel(by=STAFF, reason="the wrong month")
    shown = page(visitor("viewer"), job)

    assert "by anna:</b> <bdi>the wrong month</bdi>" in shown
    assert "orch-1 has not been told yet" in shown


def test_progress_is_drawn_and_said(visitor: Visitor, sql: Callable[..., Any]) -> None:
    job = JobFactory(status="running")
    sql("""update jobs set phase = 'Import', progress = '{"percentage": 62.5, "message": "5 of 8"}' where id = %s""", job.id)
    shown = page(visitor("viewer"), job)

    assert '<progress max="100" value="62.5"' in shown
    assert "5 of 8" in shown


@pytest.mark.parametrize("told", ["7", '"half"', '{"percentage": "x"}', '{"percentage": true}', "[]", '{"message": {"a": 1}}'])
def test_progress_may_be_anything(told: str, visitor: Visitor, sql: Callable[..., Any]) -> None:
    job = JobFactory(status="running")
    sql("update jobs set progress = %s::jsonb where id = %s", told, job.id)
    assert "<progress" not in page(visitor("viewer"), job)


@pytest.mark.parametrize("role", ["viewer", "admin"])
@pytest.mark.parametrize("status", ["failed", "queued", "running"])
def test_a_page_costs_few_queries_however_much_has_happened(status: str, role: str, visitor: Visitor) -> None:
    job = failed(3 if status == "failed" else 2)
    if status == "running":
        running(job)
    wrote(job, 30)
    browser = visitor(role)
    with questions() as asked:
        assert browser.get(job.get_absolute_url()).status_code == 200
    assert len(asked) <= MOST_QUERIES, asked


def test_the_live_part_changes_with_the_job_and_not_with_time(visitor: Visitor) -> None:
    job = JobFactory(status="running")
    browser = visitor("viewer")
    part = browser.get(job.get_absolute_url(), headers=ASKED_AGAIN)

    assert part["Refresh-Seconds"] == "2"
    assert 'id="lines"' not in part.text
    job.complete(Report(exit_code=0), by=HOLDER)
    part = browser.get(job.get_absolute_url(), headers={**ASKED_AGAIN, "If-None-Match": part["ETag"]})
    assert (part.status_code, part["Refresh-Seconds"]) == (200, "60")
    again = browser.get(job.get_absolute_url(), headers={**ASKED_AGAIN, "If-None-Match": part["ETag"]})
    assert again.status_code == 204


def test_a_search_that_takes_too_long_is_given_up_and_the_page_says_so(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object) -> None:
        raise TooSlow

    monkeypatch.setattr(page_of_job, "tail", slow)
    answer = visitor("viewer").get(JobFactory().get_absolute_url(), {"find": "x"})
    assert answer.status_code == 200
    assert "This takes too long" in answer.text


def test_who_may_not_look_is_refused_everywhere(visitor: Visitor, client: Client) -> None:
    job = failed()
    addresses = [reverse(f"pages:{name}", args=[job.id]) for name in ("job", "job_log", "job_log_text")]
    addresses.append(reverse("pages:job_error_text", args=[job.id, 1]))
    nobody = visitor("no role")

    assert [nobody.get(address).status_code for address in addresses] == [403] * 4
    assert [client.get(address).status_code for address in addresses] == [302] * 4


def test_what_was_deleted_is_still_told_of(visitor: Visitor) -> None:
    job = ended("failed", days=100)
    retention.prune(Periods(completed=timedelta(days=30), failed=timedelta(days=90), logs=timedelta(days=14)), by=STAFF)
    browser = visitor("viewer")
    answer = browser.get(job.get_absolute_url())
    shown = " ".join(answer.text.split())

    assert answer.status_code == 410
    assert "This job is no longer kept." in shown
    assert "It had ended failed, and was deleted" in shown
    assert len(re.findall(r'id="entry-\d+"', shown)) > 3
    assert browser.get(job.get_absolute_url(), headers=ASKED_AGAIN)["HX-Refresh"] == "true"
    assert browser.get(reverse("pages:job_log_text", args=[job.id])).status_code == 404


@pytest.mark.parametrize("identifier", ["job_nowhere", "job_%00", "x" * 300, "a b"])
def test_what_never_was_is_not_found(identifier: str, visitor: Visitor) -> None:
    browser = visitor("viewer")
    assert [browser.get(f"/jobs/{identifier}{end}").status_code for end in ("", "/log.txt", "/error-1.txt")] == [404] * 3
    assert browser.get(f"/jobs/{identifier}/log").status_code == 204


def test_the_admins_page_leads_to_this_one_and_back(admin_client: Client) -> None:
    job = JobFactory()
    address = reverse("admin:jobs_job_change", args=[job.id])
    on_site = re.search(r'href="([^"]*)">View on site', admin_client.get(address).text)

    assert on_site
    assert admin_client.get(on_site[1])["Location"].endswith(job.get_absolute_url())
    assert f'href="{address}"' in admin_client.get(job.get_absolute_url()).text
