"""Operations on many jobs, as staff follow them."""

import re
from urllib.parse import quote

import pytest

from jobs import bulk
from jobs.bulk import Selection
from jobs.models import BulkOperation, Job
from tests.factories import STAFF, JobFactory, grouped
from tests.jobs.bulk_operations import FAILED, WHY, carried_out, confirmed
from tests.jobs.pages.conftest import Visitor
from tests.queries import questions

LIST = "/bulk"


def page_of(operation: BulkOperation) -> str:
    return f"/bulk/{operation.id}"


def sums(page: str) -> dict[str, int]:
    _, _, after = page.partition('aria-label="Progress"')
    told = re.findall(r"<dt>([^<]+)</dt><dd[^>]*>([\d,]+)</dd>", after.partition("</section>")[0])
    return {words: int(count.replace(",", "")) for words, count in told}


def test_where_there_is_none_the_list_says_how_one_comes_to_be(visitor: Visitor) -> None:
    assert "No bulk operations yet" in visitor("viewer").get(LIST).text


def test_the_list_tells_state_and_progress_and_is_narrowed_by_state(visitor: Visitor) -> None:
    JobFactory(status="failed")
    done = carried_out(confirmed("retry", FAILED))
    preview = bulk.create("cancel", Selection(filter={"status": "queued"}), by=STAFF)
    browser = visitor("viewer")
    page = browser.get(LIST).text

    assert re.findall(r'<tr role="row" id="(\w+)"', page) == [preview.id, done.id]
    assert "1 of 1" in page
    assert "not begun" in page
    assert re.findall(r'<tr role="row" id="(\w+)"', browser.get(f"{LIST}?state=done").text) == [done.id]
    assert browser.get(f"{LIST}?state=asleep").status_code == 400


def test_its_sums_add_up_and_its_outcomes_are_told_by_kind(visitor: Visitor) -> None:
    jobs = [JobFactory(status=status) for status in ("failed", "failed", "completed")]
    operation = carried_out(confirmed("retry", Selection(ids=[*(job.id for job in jobs), "job_gone"])))
    page = visitor("viewer").get(page_of(operation)).text

    assert sums(page) == {"Selected": 4, "Changed": 2, "Skipped": 2, "Failed": 0, "Left": 0}
    assert '<progress max="4" value="4"' in page
    kinds = re.findall(r'<tr><td>(\w+)</td><td class="clip" title="([^"]+)">[^<]+</td><td class="num">(\d)</td>', page)
    assert kinds == [("Changed", "retried", "2"), ("Skipped", "already completed", "1"), ("Skipped", "no such job", "1")]
    assert WHY in page


def test_the_outcome_of_each_job_is_listed_by_pages_and_by_outcome(visitor: Visitor) -> None:
    jobs = [JobFactory(status="queued") for _ in range(55)]
    operation = carried_out(confirmed("cancel", Selection(ids=[job.id for job in jobs])))
    browser = visitor("viewer")
    first = browser.get(page_of(operation)).text
    (following,) = re.findall(r'rel="next" href="([^"]+)"', first)
    rows = [
        re.findall(r'<td role="cell" class="full"><a class="id" href="[^"]*/(job_\w+)', page)
        for page in (first, browser.get(following).text)
    ]

    assert [len(page) for page in rows] == [50, 5]
    assert {job_id for page in rows for job_id in page} == {job.id for job in jobs}
    assert "No job of it came to this." in browser.get(f"{page_of(operation)}?outcome=skipped").text
    assert browser.get(f"{page_of(operation)}?outcome=odd").status_code == 400


@pytest.mark.parametrize(
    ("act", "offered"), [(None, ["confirm", "stop"]), ("confirm", ["pause", "stop"]), ("pause", ["resume", "stop"]), ("stop", [])]
)
def test_what_may_be_done_now_leads_to_the_page_that_asks_and_back(visitor: Visitor, act: str | None, offered: list[str]) -> None:
    JobFactory(status="failed")
    operation = bulk.create("retry", FAILED, by=STAFF)
    if act == "pause":
        bulk.confirm(operation.id, by=STAFF, reason=WHY)
    if act:
        getattr(bulk, act)(operation.id, by=STAFF, reason=WHY)
    page = visitor("operator").get(page_of(operation)).text

    back = quote(page_of(operation), safe="")
    assert re.findall(rf'href="/admin/jobs/bulkoperation/{operation.id}/(\w+)/\?next={back}"', page) == offered


def test_who_may_only_look_is_told_what_is_missing(visitor: Visitor) -> None:
    JobFactory(status="failed")
    page = visitor("viewer").get(page_of(confirmed("retry", FAILED))).text

    assert "/admin/jobs/bulkoperation/" not in page
    assert "Needs the permission jobs.change_bulkoperation." in page


def test_to_confirm_one_of_more_than_fifty_jobs_needs_leave(visitor: Visitor) -> None:
    for _ in range(51):
        JobFactory(status="failed")
    operation = bulk.create("retry", FAILED, by=STAFF)

    assert "More than 50 jobs at once need the permission jobs.act_on_many." in visitor("operator").get(page_of(operation)).text
    assert f"{operation.id}/confirm/" in visitor("admin").get(page_of(operation)).text


def test_the_retry_of_a_group_tells_how_far_its_canaries_have_come(visitor: Visitor) -> None:
    jobs: list[Job] = [JobFactory(status="failed", type="report") for _ in range(4)]
    group = grouped(jobs[0])
    operation = bulk.retry_group(group.pk, by=STAFF, reason=WHY, canaries=2)
    browser = visitor("viewer")
    assert "Canaries first: 0 of 2 retried." in browser.get(page_of(operation)).text
    bulk.run_batch()
    page = browser.get(page_of(operation)).text

    assert "Canaries first: 2 of 2 retried." in page
    assert sums(page) == {"Selected": 4, "Changed": 2, "Skipped": 0, "Failed": 0, "Left": 2}
    assert f'href="/failures/{group.pk}"' in page
    assert "canaries first" in browser.get(LIST).text


def test_one_that_runs_is_looked_at_every_two_seconds(visitor: Visitor) -> None:
    JobFactory(status="failed")
    operation = confirmed("retry", FAILED)
    browser = visitor("viewer")
    assert 'data-seconds="2"' in browser.get(page_of(operation)).text
    assert 'data-seconds="2"' in browser.get(LIST).text

    carried_out(operation)
    assert 'data-seconds="5"' in browser.get(page_of(operation)).text


def test_one_that_is_not_confirmed_says_that_its_jobs_are_not_settled(visitor: Visitor) -> None:
    JobFactory(status="failed")
    page = visitor("viewer").get(page_of(bulk.create("retry", FAILED, by=STAFF))).text

    assert "Which jobs they are is settled when it is confirmed." in page
    assert sums(page) == {"Matching when it was made": 1}


def test_there_is_no_page_of_what_is_no_operation(visitor: Visitor) -> None:
    assert visitor("viewer").get("/bulk/bulk_none").status_code == 404


def test_they_ask_no_more_than_twelve_queries(visitor: Visitor) -> None:
    JobFactory(status="failed")
    operation = carried_out(confirmed("retry", FAILED))
    browser = visitor("operator")
    for address in (LIST, page_of(operation)):
        with questions() as asked:
            browser.get(address)
        assert len(asked) <= 12, asked
