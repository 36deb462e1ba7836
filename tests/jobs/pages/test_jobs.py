"""The jobs page: what stands on it, who may see and do what, and that it stays quick."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, cast

import pytest
from django.test import Client

from jobs import bulk, pausing
from jobs.lifecycle import Status
from jobs.models import BulkOperation, Job
from jobs.outcomes import Report
from jobs.pausing import Subject
from tests.factories import HOLDER, STAFF, JobFactory, running
from tests.jobs.pages.conftest import Visitor
from tests.queries import questions

JOBS, ACT = "/jobs", "/admin/jobs/job/act/"
MOST_QUERIES = 12


def failed(error: str, *, exit_code: int = 1, **fields: Any) -> Job:
    job = running(JobFactory(**fields))
    job.fail(Report(error=error, exit_code=exit_code, retryable=False), by=HOLDER)
    return job


def shown(page: str) -> set[str]:
    return set(re.findall(r'<tr role="row" id="(job_\w+)"', page))


@pytest.fixture
def one_of_each(db: None) -> dict[str, Job]:
    return {status.value: JobFactory(status=status, type="report" if status.is_terminal else status.value) for status in Status}


def test_the_table_shows_jobs_with_badge_remark_and_error(visitor: Visitor, one_of_each: dict[str, Job]) -> None:
    running_job = one_of_each["running"]
    running_job.cancel(by=STAFF)
    page = visitor("viewer").get(JOBS).text

    assert shown(page) == {job.id for job in one_of_each.values()}
    assert "cancelling 0:0" in page
    assert "it broke</button>" in page
    assert '<table class="tbl" role="table">' in page


def test_what_an_error_contains_is_shown_harmless(visitor: Visitor) -> None:
    job = failed("<script>alert(1)</script> \x1b[31mred\x1b[0m \u202eevil")
    browser = visitor("viewer")

    for page in (browser.get(JOBS).text, browser.get(f"/jobs/{job.id}/error", headers={"HX-Request": "true"}).text):
        assert "&lt;script&gt;alert(1)&lt;/script&gt; red [U+202E]evil" in page


@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ("", {*Status}),
        ("?status=failed", {"failed"}),
        ("?status=failed,queued", {"failed", "queued"}),
        ("?type=report", {"completed", "failed", "cancelled"}),
        ("?type=report&status=cancelled", {"cancelled"}),
        ("?attention=stuck", set()),
    ],
)
def test_the_address_says_which_jobs(visitor: Visitor, one_of_each: dict[str, Job], query: str, statuses: set[str]) -> None:
    assert shown(visitor("viewer").get(f"{JOBS}{query}").text) == {one_of_each[status].id for status in statuses}


def test_what_is_typed_becomes_the_address(visitor: Visitor) -> None:
    answer = visitor("viewer").get(JOBS, {"q": 'status:failed error:"timed out"', "ordering": "created"})

    assert (answer.status_code, answer["Location"]) == (302, "/jobs?status=failed&error=timed%20out&ordering=created")
    assert visitor("operator").get(JOBS, {"q": ""})["Location"] == JOBS


def test_the_filter_stands_in_the_line_in_a_tab_and_in_chips(visitor: Visitor) -> None:
    page = visitor("viewer").get(f"{JOBS}?status=failed&priorityMin=5&exitCode=137").text

    assert 'value="status:failed exit:137 priority:&gt;=5"' in page
    assert re.search(r'href="/jobs\?[^"]*status=failed" aria-current="page">Failed', page)
    assert '<a href="/jobs?status=failed&amp;exitCode=137" aria-label="Remove: priority 5 or higher">' in page
    assert "Remove: status" not in page


@pytest.mark.parametrize(
    "query", [{"q": "colour:red"}, {"colour": "red"}, {"ordering": "colour"}, {"cursor": "x"}, {"q": "payload.password=x"}]
)
def test_what_cannot_be_read_is_said_and_the_line_stays(visitor: Visitor, query: dict[str, str]) -> None:
    answer = visitor("operator").get(JOBS, query, follow=True)

    assert answer.status_code == 400
    assert "This filter can&#x27;t be read" in answer.text or "This filter can't be read" in answer.text
    assert 'name="q"' in answer.text


def test_payloads_are_not_searched_by_those_who_may_not_see_them(visitor: Visitor) -> None:
    JobFactory(payload={"customer": {"id": 42}})
    query = {"q": "payload.customer.id=42"}

    assert visitor("viewer").get(JOBS, query, follow=True).status_code == 403
    assert len(shown(visitor("operator").get(JOBS, query, follow=True).text)) == 1


def test_columns_say_how_they_are_sorted_and_lead_to_the_other_direction(visitor: Visitor, one_of_each: dict[str, Job]) -> None:
    browser = visitor("viewer")
    first, other = browser.get(f"{JOBS}?ordering=-priority").text, browser.get(f"{JOBS}?ordering=priority").text

    assert re.search(r'aria-sort="descending"><a href="/jobs\?ordering=priority">Prio', first)
    assert re.search(r'aria-sort="ascending"><a href="/jobs\?ordering=-priority">Prio', other)


def test_pages_lead_on_and_back(visitor: Visitor) -> None:
    jobs = {JobFactory().id for _ in range(60)}
    browser = visitor("viewer")
    first = browser.get(f"{JOBS}?status=queued&ordering=created").text
    link = re.search(r'rel="next" href="([^"]+)"', first)
    assert link
    second = browser.get(link[1].replace("&amp;", "&")).text

    assert len(shown(first)) == 50
    assert shown(first) | shown(second) == jobs
    assert "60 matching, 50 a page, oldest first" in first


def test_without_jobs_it_says_how_to_make_one_and_without_matches_how_to_go_on(visitor: Visitor) -> None:
    browser = visitor("viewer")
    assert "curl -X POST" in browser.get(JOBS).text
    assert "No job has ended yet" in browser.get(f"{JOBS}?ordering=-duration").text
    assert "No job matches" in browser.get(f"{JOBS}?type=none").text


def test_why_a_paused_type_waits_stands_where_its_error_would(visitor: Visitor) -> None:
    JobFactory(type="embed")
    pausing.pause(by=STAFF, reason="GPU driver", subject=Subject.type("embed"))

    assert "type paused: GPU driver" in visitor("viewer").get(JOBS).text


def test_the_tabs_are_counted_apart(visitor: Visitor, one_of_each: dict[str, Job], monkeypatch: pytest.MonkeyPatch) -> None:
    browser = visitor("viewer")
    assert '<span class="n"></span>' in browser.get(JOBS).text

    assert _counts(browser.get("/jobs/counts").text) == ["6", "1", "1", "1", "1", "1", "1", "0"]
    assert _counts(browser.get("/jobs/counts?type=report").text) == ["3", "0", "0", "0", "1", "1", "1", "0"]
    assert _counts(browser.get("/jobs/counts?type=report&priorityMin=0").text) == ["3", "0", "0", "0", "1", "1", "1", "0"]
    monkeypatch.setattr("jobs.search.reach.MOST_SEARCHED", 2)
    JobFactory()
    JobFactory()
    assert _counts(browser.get("/jobs/counts").text) == ["2+", "2+", "1", "1", "1", "1", "1", "0"]
    assert _counts(browser.get("/jobs/counts?priorityMin=0").text)[:2] == ["2", "2"]
    assert browser.get("/jobs/counts?colour=red").status_code == 400


def _counts(page: str) -> list[str]:
    return re.findall(r'class="n">([^<]*)<', page)


def test_an_error_is_previewed_by_its_first_lines(visitor: Visitor) -> None:
    lines = "\n".join(f"line {number}" for number in range(41))
    job, _ = failed(lines, exit_code=137, type="a"), failed(lines, exit_code=137, type="a")
    browser = visitor("viewer")
    preview = browser.get(f"/jobs/{job.id}/error", headers={"HX-Request": "true"}).text

    assert "Exit 137" in preview
    assert "killed (SIGKILL), most often out of memory" in preview
    assert "Attempt 1 of 1, first 12 of 41 lines" in preview
    assert f'fingerprint={job.fingerprint}">2 alike' in preview
    assert "line 11" in preview
    assert "line 12" not in preview
    assert browser.get(f"/jobs/{job.id}/error").status_code == 302
    for unknown in ("job_none", "a%00b", JobFactory().id):
        assert browser.get(f"/jobs/{unknown}/error", headers={"HX-Request": "true"}).status_code == 404


# What a spreadsheet would obey.
FORMULAS = ["=1+1", "+1", "-1+2", "@sum(a)", "\tx", "\rx"]


def test_the_list_is_exported_without_formulas(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = {failed(error, exit_code=-9, type="report").id: error for error in FORMULAS}
    JobFactory(type="other")
    monkeypatch.setattr("jobs.search.export._BATCH", 4)
    answer = visitor("viewer").get("/jobs.csv?type=report&ordering=-duration")
    whole = b"".join(cast(Iterable[bytes], answer.streaming_content)).decode()  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(whole, newline="")))

    assert answer["Content-Type"].startswith("text/csv")
    assert {row["id"]: row["error"] for row in rows} == {job_id: f"'{error}" for job_id, error in jobs.items()}
    assert {row["exit code"] for row in rows} == {"-9"}
    assert "rows" not in whole


def test_many_are_exported_along_the_key(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = sorted(JobFactory(type="a").id for _ in range(9))
    monkeypatch.setattr("jobs.search.reach.MOST_SEARCHED", 5)
    monkeypatch.setattr("jobs.search.export._BATCH", 4)
    answer = visitor("viewer").get("/jobs.csv?type=a")
    lines = b"".join(cast(Iterable[bytes], answer.streaming_content)).decode().splitlines()  # type: ignore[attr-defined]

    assert [line.split(",")[0] for line in lines[1:]] == ids


@pytest.mark.parametrize("address", [JOBS, "/jobs/counts", "/jobs.csv", "/jobs/job_x/error"])
def test_nobody_sees_jobs_without_leave(visitor: Visitor, client: Client, address: str) -> None:
    assert visitor("no role").get(address).status_code == 403
    assert client.get(address).status_code == 302


@pytest.mark.parametrize(("role", "offered"), [("viewer", False), ("operator", True)])
def test_verbs_and_boxes_are_offered_to_those_who_may_act(visitor: Visitor, one_of_each: dict[str, Job], role: str, offered: bool) -> None:
    page = visitor(role).get(JOBS).text

    assert ("_selected_action" in page) is ('value="retry"' in page) is offered


def test_each_row_says_what_can_be_done_to_it(visitor: Visitor, one_of_each: dict[str, Job]) -> None:
    page = visitor("operator").get(JOBS).text

    deeds = dict(re.findall(r'data-id="(\w+)" data-deeds="([^"]*)"', page))
    assert {status: deeds[job.id] for status, job in one_of_each.items()} == {
        "queued": "cancel edit",
        "claimed": "release cancel",
        "running": "release cancel",
        "completed": "",
        "failed": "retry",
        "cancelled": "retry",
    }


def act(browser: Client, query: str = "", *, ids: Iterable[str] = (), **form: str) -> Any:
    return browser.post(f"{ACT}?{query}", {"action": "retry", "_selected_action": list(ids), **form}, follow=True)


def test_what_is_selected_is_asked_for_and_done_and_leads_back(visitor: Visitor) -> None:
    browser, job = visitor("operator"), failed("x")
    query = "status=failed&next=/jobs%3Fstatus%3Dfailed"
    assert "Retry 1 job" in act(browser, query, ids=[job.id]).text
    done = act(browser, query, ids=[job.id], confirmed="1", reason="mended")

    assert done.redirect_chain == [("/jobs?status=failed", 302)]
    assert "1 retried." in done.text
    job.refresh_from_db()
    assert job.status == "queued"


def test_all_that_match_become_one_operation(visitor: Visitor) -> None:
    browser = visitor("admin")
    for number in range(60):
        failed("disk full" if number < 55 else "other", type="report")
    query = "status=failed&error=disk&next=/jobs"
    asked = act(browser, query, select_across="1")
    assert "Retry 55 jobs" in asked.text
    assert "Status failed, error disk" in asked.text
    key = re.search(r'name="form_key" value="(\w+)"', asked.text)
    assert key
    act(browser, query, select_across="1", confirmed="1", reason="mended", form_key=key[1], shown="55")

    operation = BulkOperation.objects.get()
    assert (operation.state, operation.selected, operation.selection) == ("running", 55, "status failed, error disk")
    bulk.run_batch()
    assert Job.objects.filter(status="failed").count() == 5


def test_all_are_offered_to_those_who_may_act_on_so_many(visitor: Visitor) -> None:
    for _ in range(51):
        JobFactory()

    assert "All 51 matching" in visitor("admin").get(JOBS).text
    operator = visitor("operator")
    assert "select_across" not in operator.get(JOBS).text
    assert act(operator, select_across="1", action="cancel").status_code == 403


@pytest.mark.parametrize("form", [{}, {"action": "force"}, {"action": "delete_selected", "select_across": "1"}])
def test_where_nothing_is_said_nothing_is_done(visitor: Visitor, form: dict[str, str]) -> None:
    job = failed("x")
    ids = [job.id] if form.get("action") == "force" else []

    assert "Nothing was done" in act(visitor("operator"), ids=ids, **form).text


def test_a_wrong_filter_selects_nothing(visitor: Visitor) -> None:
    failed("x")
    assert "colour: is not known here" in act(visitor("admin"), "colour=red&next=/jobs", select_across="1").text
    assert not BulkOperation.objects.exists()


def test_whoever_may_only_look_does_nothing(visitor: Visitor) -> None:
    assert act(visitor("viewer"), ids=[failed("x").id]).status_code == 403


@pytest.mark.parametrize("query", ["", "?type=report&status=failed", "?priorityMin=1&error=x&ordering=-attempts", "?ordering=-duration"])
def test_a_page_asks_few_questions(visitor: Visitor, one_of_each: dict[str, Job], query: str) -> None:
    browser = visitor("operator")
    for address in (JOBS + query, "/jobs/counts" + query):
        with questions() as asked:
            assert browser.get(address).status_code == 200
        assert len(asked) <= MOST_QUERIES, asked
