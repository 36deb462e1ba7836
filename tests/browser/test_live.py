"""What a page does while somebody looks at it, and how it is gone about by keyboard, without scripts, and when the server is away."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from jobs.outcomes import Report
from tests.browser.conftest import Visitor
from tests.browser.site import PASSWORD, person
from tests.factories import HOLDER, STAFF, JobFactory
from tests.server import Server

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202egnp.exe =HYPERLINK('http://evil')"


@pytest.fixture(scope="module", autouse=True)
def _some_jobs(site: Server) -> None:
    for _ in range(3):
        JobFactory(status="failed")


def test_whoever_signs_in_is_where_they_wanted_to_go(visit: Visitor) -> None:
    person("viewer")
    visitor = visit(None)
    visitor.open("/audit")
    visitor.page.locator("#id_username").fill("viewer")
    visitor.page.locator("#id_password").fill(PASSWORD)
    visitor.page.keyboard.press("Enter")

    expect(visitor.page).to_have_url(re.compile("/audit$"))


@pytest.mark.parametrize("address", ["/audit", "/jobs"])
def test_a_refresh_shows_what_is_new_and_keeps_the_focus(visit: Visitor, address: str) -> None:
    visitor = visit("viewer")
    visitor.open(address)
    visitor.page.locator("main tbody a").first.focus()
    focused = _focused(visitor.page)

    job = JobFactory()
    visitor.page.keyboard.press("r")

    # The row that had it is another one by its place now.
    expect(visitor.page.locator("main tbody")).to_contain_text(job.id)
    assert focused.endswith(visitor.page.locator("main tbody tr").nth(1).locator("a").first.get_attribute("href") or "none")
    assert _focused(visitor.page) == focused


def test_what_is_open_stays_open_over_a_refresh_and_keeps_the_focus(visit: Visitor) -> None:
    job = JobFactory(status="running", payload={"rows": 3})
    job.fail(Report(error="Traceback\nValueError: no", retryable=False), by=HOLDER)
    visitor = visit("admin")
    visitor.open(f"/jobs/{job.id}")
    folds = visitor.page.locator("#live details")
    for fold in (error := folds.filter(has_text="Traceback").first, payload := folds.filter(has_text="Payload").first):
        fold.locator("summary").focus()
        visitor.page.keyboard.press("Enter")

    job.retry(by=STAFF)
    visitor.page.keyboard.press("r")

    expect(visitor.page.locator(".jobtop")).to_contain_text("Queued")
    expect(error).to_have_attribute("open", "")
    expect(payload).to_have_attribute("open", "")
    expect(payload.locator("summary")).to_be_focused()


def test_a_selection_pauses_the_refresh_and_says_so(visit: Visitor) -> None:
    visitor = visit("operator")
    visitor.open("/jobs")
    visitor.page.locator(".pick input[data-id]").first.check()

    expect(visitor.page.locator("#refresh .word")).to_have_text("Paused, 1 selected")
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.locator("#refresh .word")).to_have_text("Live")


def test_an_answer_that_comes_while_something_is_selected_is_let_go_and_asked_for_again(visit: Visitor) -> None:
    visitor = visit("operator")
    held: list[Route] = []
    visitor.open("/jobs")
    visitor.page.route(re.compile("/jobs$"), lambda route: held.append(route), times=1)
    visitor.page.keyboard.press("r")
    job = JobFactory()
    visitor.page.wait_for_function("() => document.querySelector('#live').classList.contains('htmx-request')")
    visitor.page.locator(".pick input[data-id]").first.check()
    with visitor.page.expect_response(re.compile("/jobs$")):
        held[0].continue_()

    expect(visitor.page.locator("#refresh .word")).to_have_text("Paused, 1 selected")
    expect(visitor.page.locator("main tbody")).not_to_contain_text(job.id)
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.locator("main tbody")).to_contain_text(job.id, timeout=15_000)


def test_a_page_that_the_server_does_not_answer_for_says_since_when_and_recovers(visit: Visitor) -> None:
    visitor = visit("viewer")
    visitor.open("/audit")
    visitor.forgive("net::ERR_FAILED", "htmx:")
    visitor.page.route("**/audit", lambda route: route.abort())
    visitor.page.keyboard.press("r")
    expect(visitor.page.locator("#stale")).to_contain_text("Not refreshed, as of")

    visitor.page.unroute("**/audit")
    visitor.page.get_by_role("button", name="Retry").click()
    expect(visitor.page.locator("#stale")).to_be_hidden()


def test_a_job_is_found_and_opened_without_a_mouse(visit: Visitor) -> None:
    visitor = visit("operator")
    visitor.open("/jobs")
    keys = visitor.page.keyboard
    keys.press("j")
    keys.press("x")
    assert visitor.page.locator(".pick input[data-id]:checked").count() == 1
    keys.press("Escape")
    keys.press("Enter")
    expect(visitor.page).to_have_url(re.compile("/jobs/job_"))
    visitor.page.wait_for_load_state()
    keys.press("?")
    expect(visitor.page.locator("dialog#keys")).to_be_visible()


def test_jobs_are_filtered_and_acted_on_without_scripts(visit: Visitor) -> None:
    visitor = visit("operator", scripts=False)
    visitor.open("/jobs?status=failed")
    visitor.page.locator(".pick input[data-id]").first.check()
    visitor.page.get_by_role("button", name="Retry").first.click()
    visitor.page.get_by_label("Reason").fill("again")
    visitor.page.locator("button.go").click()

    expect(visitor.page.locator("main")).to_contain_text("1")


def test_what_a_job_says_harms_nobody(visit: Visitor) -> None:
    job = JobFactory(status="running", type="hostile", payload={"x": HOSTILE})
    job.fail(Report(error=HOSTILE + "x" * 1_000_000, retryable=False), by=HOLDER)
    visitor = visit("admin")
    for address in ("/jobs?type=hostile", f"/jobs/{job.id}", f"/admin/jobs/job/{job.id}/change/", "/audit"):
        visitor.open(address)
        text = visitor.page.locator("main, #content").first.inner_text()
        assert "\u202e" not in text
        assert "\x1b" not in text
        assert visitor.page.locator("main script").count() == 0


def _focused(page: Page) -> str:
    address: str = page.evaluate("document.activeElement.href ?? ''")
    return address
