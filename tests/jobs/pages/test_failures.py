"""The list of failure groups: what stands in it, how it is narrowed and sorted, and that its numbers are those of the lists it leads to."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.test import Client
from django.utils import timezone

from jobs import bulk, triage
from jobs.failure_groups import hour_of
from jobs.filters import narrowed
from jobs.models import FailureCount, FailureGroup, Job
from jobs.outcomes import Report
from tests.factories import HOLDER, STAFF, JobFactory, grouped, running
from tests.jobs.pages.conftest import Visitor
from tests.queries import questions

PAGE = "/failures"


def failed(error: str, job_type: str = "report") -> Job:
    job = running(JobFactory(type=job_type))
    job.fail(Report(error=error, exit_code=1), by=HOLDER)
    return job


def group_of(error: str, job_type: str = "report", **facts: Any) -> FailureGroup:
    """A group of one job, seen when the facts say so."""
    group = grouped(failed(error, job_type))
    FailureGroup.objects.filter(pk=group.pk).update(**facts)
    group.refresh_from_db()
    return group


def shown(browser: Client, query: str = "") -> list[str]:
    """The groups of the list, in its order."""
    return re.findall(r'<tr role="row" id="g-(\w+)"', browser.get(f"{PAGE}{query}").text)


def ago(**span: float) -> dict[str, Any]:
    return {"last_seen_at": timezone.now() - timedelta(**span), "first_seen_at": timezone.now() - timedelta(**span)}


def test_good_news_is_told_where_nothing_failed(visitor: Visitor) -> None:
    browser = visitor("viewer")
    assert "No open failures" in browser.get(PAGE).text

    group_of("disk full", **ago(days=3))
    assert "No failures in this period" in browser.get(f"{PAGE}?seen=24h").text
    assert "Nothing matches" in browser.get(f"{PAGE}?q=network").text


def test_open_groups_are_shown_unless_a_tab_says_otherwise_and_each_tab_tells_how_many(visitor: Visitor) -> None:
    new, known, done, quiet = (group_of(error) for error in ("disk full", "no such table", "no route", "out of luck"))
    triage.acknowledge(known.pk, by=STAFF)
    triage.resolve(done.pk, by=STAFF)
    triage.snooze(quiet.pk, by=STAFF, failures=3)
    browser = visitor("viewer")

    assert set(shown(browser)) == {new.pk, known.pk}
    assert shown(browser, "?state=resolved") == [done.pk]
    assert shown(browser, "?state=snoozed") == [quiet.pk]
    tabs = dict(re.findall(r'>([A-Z][a-z ]+)<span class="n">(\d+)</span></a>', browser.get(PAGE).text))
    assert tabs == {
        "Open": "2",
        "New": "1",
        "Regressed": "0",
        "Acknowledged": "1",
        "Snoozed": "1",
        "Resolved": "1",
        "New since yesterday": "4",
    }


def test_what_is_new_since_yesterday_was_not_seen_before(visitor: Visitor) -> None:
    group_of("disk full", first_seen_at=timezone.now() - timedelta(days=2))
    new = group_of("no such table")

    assert shown(visitor("viewer"), "?new=24h") == [new.pk]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?q=such table", {"no such table"}),
        ("?type=export", {"disk full"}),
        ("?category=timeout", {"timed out"}),
        ("?owner=none", {"disk full", "timed out"}),
        ("?owner=Ben", {"no such table"}),
        ("?seen=1h", {"no such table", "timed out"}),
        ("?q=full&type=report", set()),
    ],
)
def test_filters_narrow_it_and_each_can_be_taken_away(visitor: Visitor, query: str, expected: set[str]) -> None:
    titles: dict[str, str] = {}
    for error, job_type, facts in (
        ("disk full", "export", ago(hours=5)),
        ("no such table", "report", {"owner": "ben"}),
        ("timed out", "report", {}),
    ):
        titles[group_of(error, job_type, **facts).pk] = error
    browser = visitor("viewer")

    assert {titles[pk] for pk in shown(browser, query)} == expected
    assert browser.get(f"{PAGE}{query}").text.count('class="chip"') == query.count("=")


def test_a_whole_fingerprint_finds_its_group(visitor: Visitor) -> None:
    group = group_of("disk full")
    group_of("no such table")

    assert shown(visitor("viewer"), f"?q={group.pk}") == [group.pk]


@pytest.mark.parametrize("query", ["?state=ongoing", "?category=weather", "?seen=soon", "?ordering=title", "?cursor=W10", "?q=%00"])
def test_what_cannot_be_read_is_answered_in_words(visitor: Visitor, query: str) -> None:
    answer = visitor("viewer").get(f"{PAGE}{query}")

    assert answer.status_code == 400
    assert "This filter can't be read" in answer.text or "can&#x27;t be read" in answer.text


def test_it_is_sorted_by_last_seen_first_seen_and_failures_both_ways(visitor: Visitor) -> None:
    old = group_of("disk full", first_seen_at=timezone.now() - timedelta(days=9), failures=5)
    late = group_of("no such table", failures=70)
    early = group_of("no route", failures=1, **ago(hours=2))
    browser = visitor("viewer")

    assert shown(browser) == [late.pk, old.pk, early.pk]
    assert shown(browser, "?ordering=first") == [old.pk, early.pk, late.pk]
    assert shown(browser, "?ordering=-failures") == [late.pk, old.pk, early.pk]
    assert shown(browser, "?ordering=failures") == [early.pk, old.pk, late.pk]
    page = browser.get(f"{PAGE}?ordering=-failures").text
    assert '<th scope="col" role="columnheader" class="num" aria-sort="descending"><a href="/failures?ordering=failures">Failures' in page


def test_pages_follow_each_other_whatever_it_is_sorted_by(visitor: Visitor) -> None:
    example = group_of("disk full")
    for number in range(59):
        example.pk = f"{number:016x}"
        example.failures = number // 2
        example.save(force_insert=True)
    browser = visitor("viewer")
    for ordering in ("-last", "-failures", "first"):
        page = browser.get(f"{PAGE}?ordering={ordering}").text
        _, _, after = page.partition('rel="next" href="')
        following = after.partition('"')[0].replace("&amp;", "&").removeprefix(PAGE)
        both = shown(browser, f"?ordering={ordering}") + shown(browser, following)
        assert (len(both), len(set(both))) == (60, 60)


def test_a_group_counts_as_many_jobs_as_the_list_shows_that_it_leads_to(visitor: Visitor) -> None:
    jobs = [failed("disk full") for _ in range(3)]
    grouped(jobs[0])
    failed("no such table")
    jobs[1].retry(by=STAFF, reason="again")
    ((query, told),) = re.findall(r'<a class="tap" href="/jobs\?([^"]+)">([\d,+]+)</a>', visitor("viewer").get(PAGE).text)

    rows = narrowed(Job.objects.all(), dict(parse_qsl(query.replace("&amp;", "&"))))
    assert (rows.count(), told) == (2, "2")


def test_its_failures_of_the_last_day_are_drawn_by_the_hour(visitor: Visitor) -> None:
    group = group_of("disk full")
    hour = hour_of(timezone.now())
    for hours, failures in ((0, 4), (3, 2), (30, 9)):
        FailureCount.objects.create(fingerprint=group.pk, hour=hour - timedelta(hours=hours), failures=failures)
    browser = visitor("viewer")

    assert "<title>6 in the last 24 h</title>" in browser.get(PAGE).text
    assert "<title>15 in the last 7 days</title>" in browser.get(f"{PAGE}?seen=7d").text


def test_a_retry_is_offered_to_those_who_may_and_leads_back_here(visitor: Visitor) -> None:
    group = group_of("disk full")
    link = f'href="/admin/jobs/failuregroup/{group.pk}/retry/?next=%2Ffailures%3Fseen%3D7d"'

    assert link in visitor("operator").get(f"{PAGE}?seen=7d").text
    assert "Retry" not in visitor("viewer").get(PAGE).text
    operation = bulk.retry_group(group.pk, by=STAFF, reason="mended")
    page = visitor("admin").get(PAGE).text
    assert f'href="/bulk/{operation.id}">being retried</a>' in page
    assert "/retry/" not in page


def test_more_than_fifty_jobs_are_retried_only_by_those_with_leave(visitor: Visitor) -> None:
    group = grouped(next(iter([failed("disk full") for _ in range(51)])))

    assert "/retry/" not in visitor("operator").get(PAGE).text
    assert f"/admin/jobs/failuregroup/{group.pk}/retry/" in visitor("admin").get(PAGE).text


def test_what_others_wrote_is_shown_harmless(visitor: Visitor) -> None:
    group_of("<script>alert(1)</script> \x1b[31mred\x1b[0m \u202egpj.exe")
    page = visitor("viewer").get(PAGE).text

    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_it_asks_no_more_than_twelve_queries(visitor: Visitor) -> None:
    for error in ("disk full", "no such table", "no route"):
        group_of(error)
    browser = visitor("operator")
    with questions() as asked:
        browser.get(f"{PAGE}?seen=7d&q=no")

    assert len(asked) <= 12, asked


def test_the_header_leads_here_and_tells_how_many_are_new(visitor: Visitor) -> None:
    group_of("disk full")

    assert 'href="/failures" data-key="f">Failures<span class="n" aria-label="1 new">1</span></a>' in visitor("viewer").get("/audit").text
