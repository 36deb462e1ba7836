"""What staff come for: found, and put right, in a few clicks; each act with its reason, and seen to be done."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs
from playwright.sync_api import Page, expect

from jobs import bulk, logs, tokens
from jobs.demo import seeding
from jobs.demo.catalogue import TIMED_OUT
from jobs.enqueueing import NewJob, enqueue
from jobs.lifecycle import Status
from jobs.models import FailureGroup, Job, Scope
from jobsite.local.configuration import ORCHESTRATOR, orchestrators_environment
from tests.browser.conftest import Visitor
from tests.chaos.processes import environment_of_orchestrators, is_alive, running
from tests.factories import HOLDER, PRODUCER, STAFF, JobFactory
from tests.ledger import actions
from tests.server import Server, children_of


@pytest.fixture(scope="module", autouse=True)
def _a_site_with_a_past(site: Server) -> None:
    seeding.seed(count=900, now=datetime.now(UTC), over=timedelta(days=3), chance=1)
    # Of yesterday's some were tried again, as late as now.
    for _ in range(3):
        JobFactory(status="running", type="report.render").fail(structs.replace(TIMED_OUT.report(7), retryable=False), by=HOLDER)
    seeding.fold()


def test_yesterdays_timeouts_are_found_and_retried_within_three_clicks_of_the_overview(visit: Visitor) -> None:
    group = FailureGroup.objects.get(category="timeout")
    visitor = visit("admin")
    clicks = 0

    def click(page: Page, words: str, role: str = "link") -> None:
        nonlocal clicks
        page.get_by_role(role, name=words).first.click()  # type: ignore[arg-type]  # one of its roles
        clicks += 1

    visitor.open("/")
    click(visitor.page, "Timed out after")
    click(visitor.page, "Retry group")
    visitor.page.get_by_label("Reason").fill("the renderer is back")
    click(visitor.page, "Retry", "button")
    visitor.page.wait_for_load_state()

    assert clicks <= 3
    operation = bulk.last_retry(group.fingerprint)
    assert operation is not None


def test_a_failed_job_is_found_and_retried_on_a_telephone(visit: Visitor) -> None:
    job = JobFactory(status="failed", type="on-the-road")
    visitor = visit("operator", narrow=True)
    page = visitor.page
    visitor.open("/jobs?type=on-the-road")
    page.get_by_role("link", name="Failed").click()
    page.locator(f"#{job.id} a").first.click()

    page.get_by_role("button", name="Retry…", exact=True).click()
    page.get_by_label("Reason").fill("the renderer is back")
    page.locator("button.go").click()

    expect(page.locator(".jobtop")).to_contain_text("Queued")
    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_a_running_job_is_cancelled_and_its_script_seen_to_stop(site: Server, visit: Visitor) -> None:
    payload = {"script": {"type": "BASH", "content": "echo begun; sleep 3600"}}
    (job,) = enqueue([NewJob(type="held", payload=payload)], by=PRODUCER)
    visitor = visit("operator")
    with _local_orchestrator(site, types="held") as orchestrator:
        visitor.open(f"/jobs/{job.id}")
        expect(visitor.page.locator(".jobtop")).to_contain_text("Running", timeout=30_000)
        expect(visitor.page.locator("#lines")).to_contain_text("begun", timeout=10_000)
        scripts = children_of(orchestrator.pid)

        visitor.page.get_by_role("button", name="Cancel…", exact=True).click()
        visitor.page.get_by_label("Reason").fill("started by mistake")
        visitor.page.locator("button.go").click()

        expect(visitor.page.locator(".jobtop")).to_contain_text("Cancelled", timeout=30_000)
        assert scripts
        assert not any(is_alive(pid) for pid in scripts)
    assert actions(job)[-2:] == ["cancel_request", "cancel"]


def test_a_log_is_followed_line_by_line(visit: Visitor) -> None:
    job = JobFactory(status="running")
    visitor = visit("viewer")
    _write(job, 0, "first line")
    visitor.open(f"/jobs/{job.id}")
    expect(visitor.page.locator("#lines")).to_contain_text("first line")

    _write(job, 1, "second <b>line</b> \x1b[31mred\x1b[0m")

    expect(visitor.page.locator("#lines")).to_contain_text("second <b>line</b>", timeout=10_000)
    assert visitor.page.locator("#lines b").count() == 0


def test_jobs_across_pages_are_selected_and_retried_at_once(visit: Visitor) -> None:
    enqueue([NewJob(type="many", payload={}) for _ in range(120)], by=PRODUCER)
    for job in Job.objects.filter(type="many"):
        job.cancel(by=PRODUCER)
    visitor = visit("admin")
    visitor.open("/jobs?type=many&status=cancelled")

    visitor.page.locator("th.pick label").click()
    visitor.page.locator("label.across").click()
    visitor.page.get_by_role("button", name="Retry").first.click()
    expect(visitor.page.locator("form.dialog")).to_contain_text("120")
    visitor.page.get_by_label("Reason").fill("they are wanted after all")
    visitor.page.locator("button.go").click()
    visitor.page.wait_for_load_state()
    while bulk.run_batch():
        pass

    assert not Job.objects.filter(type="many").exclude(status=Status.QUEUED).exists()


def _write(job: Job, number: int, text: str) -> None:
    logs.append(job.id, [{"sequence": number, "stream": "stdout", "line": text}], by=HOLDER, epoch=job.epoch)


@contextmanager
def _local_orchestrator(site: Server, *, types: str) -> Iterator[subprocess.Popen[bytes]]:
    """The one that bin/run starts, with a token of its own and no more around it than there."""
    token = tokens.issue("local", scopes=[Scope.ORCHESTRATE], orchestrator_id=ORCHESTRATOR, by=STAFF).text
    command = ("-m", "orchestrator", "--url", site.url, "--id", ORCHESTRATOR, "--types", types)
    with (
        environment_of_orchestrators(site.url) as around,
        running(*command, environment=orchestrators_environment(around, token=token)) as orchestrator,
    ):
        yield orchestrator
