"""The page of one failure group, and the retry that begins there."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from jobs import bulk, triage
from jobs.models import FailureGroup, Job
from jobs.outcomes import Report
from tests.factories import HOLDER, OTHER, STAFF, JobFactory, grouped, running
from tests.jobs.pages.conftest import Visitor

WHY = "the disk is mended"
ERROR = 'Traceback (most recent call last):\n  File "/app/main.py", line 4, in main\n    write()\nOSError: disk 7 full'


def failed(error: str = ERROR, holder: Any = HOLDER) -> Job:
    job = running(JobFactory(type="report"), holder)
    job.fail(Report(error=error, exit_code=1), by=holder)
    return job


@pytest.fixture
def group(db: None) -> FailureGroup:
    return grouped(failed())


def page_of(group: FailureGroup) -> str:
    return f"/failures/{group.pk}"


def test_it_shows_the_complete_error_of_the_newest_job_and_what_they_have_in_common(visitor: Visitor, group: FailureGroup) -> None:
    failed(ERROR.replace("7", "8"))
    page = visitor("viewer").get(page_of(group)).text

    assert "OSError: disk 8 full</pre>" in page
    assert "line 4, in main" in page
    assert "<dt>Type</dt><dd>report</dd>" in page
    assert "<dt>Codes</dt><dd>exit 1</dd>" in page


def test_a_long_error_is_shown_to_its_end(visitor: Visitor) -> None:
    page = visitor("viewer").get(page_of(grouped(failed("out of luck\n" + "x" * 15_000 + "the end")))).text

    assert "the end</pre>" in page


def test_a_group_whose_jobs_have_all_been_retried_still_tells_its_error(visitor: Visitor, group: FailureGroup) -> None:
    for job in Job.objects.all():
        job.retry(by=STAFF, reason=WHY)
    page = visitor("operator").get(page_of(group)).text

    assert "line 4, in main" in page
    assert "No job stands failed so" in page
    assert '<span class="q" id="why-retry">No job of it stands failed.</span>' in page


def test_it_tells_where_its_jobs_ran(visitor: Visitor, group: FailureGroup) -> None:
    for _ in range(2):
        failed(holder=OTHER)
    page = visitor("viewer").get(page_of(group)).text

    assert re.findall(r'title="(orch-\d)">orch-\d</a></th>.*?<td class="num">(\d)</td>', page, re.DOTALL) == [
        ("orch-2", "2"),
        ("orch-1", "1"),
    ]


def test_its_count_is_that_of_its_jobs_and_of_the_list_it_leads_to(visitor: Visitor, group: FailureGroup) -> None:
    failed()
    page = visitor("viewer").get(page_of(group)).text

    assert "2 jobs, the newest first" in page
    assert f"/jobs?status=failed&amp;fingerprint={group.pk}" in page
    assert len(re.findall(r'class="id" href="[^"]+" title="job_', page.partition('aria-label="Jobs that stand failed"')[2])) == 2


def test_acts_lead_to_the_page_that_asks_and_back(visitor: Visitor, group: FailureGroup) -> None:
    operator = visitor("operator")
    asks = f"/admin/jobs/failuregroup/{group.pk}/acknowledge/?next=%2Ffailures%2F{group.pk}"
    assert f'href="{asks}"' in operator.get(page_of(group)).text

    answer = operator.post(asks, {"reason": WHY, "note": "ticket 9", "next": page_of(group)})
    assert (answer.status_code, answer["Location"]) == (302, page_of(group))
    page = operator.get(page_of(group)).text
    assert "ticket 9" in page
    assert "Acknowledge</td>" in page
    assert WHY in page


def test_what_is_not_possible_or_not_allowed_says_why(visitor: Visitor, group: FailureGroup) -> None:
    viewer = visitor("viewer").get(page_of(group)).text
    assert "/admin/jobs/failuregroup/" not in viewer
    assert "Needs the permission jobs.change_failuregroup." in viewer
    assert "Needs the permission jobs.change_job." in viewer

    triage.resolve(group.pk, by=STAFF)
    operator = visitor("operator").get(page_of(group)).text
    assert "It is resolved: reopen it first." in operator
    assert f"/admin/jobs/failuregroup/{group.pk}/reopen/" in operator


def test_more_than_fifty_jobs_need_leave_and_the_button_says_so(visitor: Visitor, group: FailureGroup) -> None:
    for _ in range(50):
        failed()

    assert "More than 50 jobs at once need the permission jobs.act_on_many." in visitor("operator").get(page_of(group)).text
    assert 'id="why-retry"' not in visitor("admin").get(page_of(group)).text


def test_before_a_retry_it_is_told_how_many_which_their_sums_some_of_them_how_and_why(visitor: Visitor, group: FailureGroup) -> None:
    for _ in range(9):
        failed()
    page = visitor("operator").get(reverse("admin:jobs_failuregroup_retry", args=[group.pk])).text
    asked = [
        "Retry 10 jobs",
        "Jobs of the group",
        "By status",
        "By type",
        "For example",
        "See all 10",
        "How",
        "Reason",
        "Retry 3 now, then 7",
    ]

    assert sorted(asked, key=lambda words: page.rindex(words)) == asked
    assert bulk.last_retry(group.pk) is None


def test_what_was_typed_wrong_is_asked_again_with_the_same_sums(visitor: Visitor, group: FailureGroup) -> None:
    asks = reverse("admin:jobs_failuregroup_retry", args=[group.pk])
    page = visitor("operator").post(asks, {"canaries": "many", "minutes": "0", "reason": WHY}).text

    assert 'class="err"' in page
    assert "Retry 1 job" in page


def test_a_group_is_retried_in_three_clicks_from_where_it_is_seen(visitor: Visitor, group: FailureGroup) -> None:
    operator = visitor("operator")
    listed = operator.get("/failures?category=exception").text
    (first,) = re.findall(r'href="(/failures/\w+)" title', listed)
    (second,) = re.findall(r'href="(/admin/jobs/failuregroup/\w+/retry/\?[^"]+)"', operator.get(first).text)
    asked = operator.get(second).text
    (back,) = re.findall(r'name="next" value="([^"]+)"', asked)
    answer = operator.post(second, {"canaries": "3", "minutes": "0", "reason": WHY, "next": back}, follow=True)

    assert answer.redirect_chain == [(first, 302)]
    retry = bulk.last_retry(group.pk)
    assert retry is not None
    assert "the canaries are tried" in answer.text
    assert f'href="/bulk/{retry.operation_id}"' in answer.text
    assert "It is being retried already." in answer.text


def test_there_is_no_page_of_what_is_no_group(visitor: Visitor) -> None:
    assert visitor("viewer").get("/failures/0000000000000000").status_code == 404


def test_who_may_not_look_is_told_so(visitor: Visitor, group: FailureGroup) -> None:
    assert visitor("no role").get(page_of(group)).status_code == 403


def test_an_error_of_a_megabyte_and_of_hostile_letters_is_shown_in_part_and_harmless(visitor: Visitor) -> None:
    group = grouped(failed("<script>alert(1)</script>\x1b[2J\u202e" + "y" * 1_000_000))
    page = visitor("viewer").get(page_of(group)).text

    assert "its first 20,000 characters" in page
    assert len(page) < 100_000
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_it_asks_no_more_than_twelve_queries(visitor: Visitor, group: FailureGroup) -> None:
    failed()
    bulk.retry_group(group.pk, by=STAFF, reason=WHY)
    browser = visitor("operator")
    with CaptureQueriesContext(connection) as asked:
        browser.get(page_of(group))

    # Those of jobs/sql are not seen here: the time limit, the brake and the figures.
    assert len([one for one in asked if "SAVEPOINT" not in one["sql"]]) + 3 <= 12
