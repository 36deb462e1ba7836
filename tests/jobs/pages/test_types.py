"""Types and one of them: what waits, what moves, what fails, and why nothing is claimed."""

import math
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from benchmarks.footprint import footprint
from jobs import job_types, pausing, type_figures
from jobs.actors import Holder
from jobs.enqueueing import NewJob, enqueue
from jobs.models import Span, TimeSpent, TransitionCount
from jobs.pausing import Subject
from jobs.templatetags.types import rate
from tests.factories import PRODUCER, STAFF, JobFactory, grouped
from tests.jobs.pages.conftest import Visitor
from tests.queries import questions

TYPES = "/types"
ONE = "/types/report"
MOST_QUERIES = 12


def moved(name: str, came_from: str, went_to: str, jobs: int, *, minutes_ago: int = 1) -> None:
    """Says so in the figures, as the fold would have it."""
    at = (timezone.now() - timedelta(minutes=minutes_ago)).replace(second=0, microsecond=0)
    category = "unknown" if went_to == "failed" else ""
    TransitionCount.objects.create(
        span=Span.MINUTE, begins_at=at, type=name, from_status=came_from, to_status=went_to, category=category, jobs=jobs
    )


def spent(name: str, state: str, *, seconds: float) -> None:
    at = (timezone.now() - timedelta(minutes=1)).replace(second=0, microsecond=0)
    bucket = int(8 * math.log2(seconds * 1e6))
    TimeSpent.objects.create(
        span=Span.MINUTE, begins_at=at, type=name, state=state, bucket=bucket, stretches=10, microseconds=int(seconds * 1e7)
    )


def test_without_a_type_the_page_says_how_to_make_the_first_job(visitor: Visitor) -> None:
    page = visitor("viewer").get(TYPES).text

    assert "No type yet" in page
    assert "curl -X POST http://testserver/api/internal/jobs" in page


def test_what_waits_is_counted_by_type_across_priorities_and_labels(db: None) -> None:
    enqueue([NewJob(type="report", priority=p, labels=set_of) for p in (10, 90) for set_of in ((), ("gpu",))], by=PRODUCER)
    enqueue([NewJob(type="report", scheduled_for=timezone.now() + timedelta(days=1))], by=PRODUCER)
    JobFactory(type="export", status="running")
    figures = {one.name: one for one in type_figures.all_types()}

    assert (figures["report"].waiting, figures["export"].waiting) == (4, 0)
    assert (figures["report"].running, figures["export"].running) == (0, 1)
    assert figures["export"].oldest_since is None


def test_the_oldest_is_the_one_that_has_been_due_for_longest_whatever_its_priority(db: None) -> None:
    first = JobFactory(type="report", priority=10)
    JobFactory(type="report", priority=90)

    assert type_figures.of_type("report").oldest_since == first.created_at  # type: ignore[union-attr]


def test_what_waits_is_counted_no_further_than_needed(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type_figures, "COUNTED_OF_EACH", 2)
    enqueue([NewJob(type="report", labels=set_of) for set_of in ((), ("a",), ("b",))], by=PRODUCER)

    assert [one.waiting for one in type_figures.all_types()] == [2]


def test_what_goes_in_and_out_is_told_by_the_minute_and_retries_are_no_ends(db: None) -> None:
    JobFactory(type="report")
    for came_from, went_to, jobs in (("", "queued", 30), ("running", "completed", 12), ("running", "failed", 8), ("failed", "queued", 5)):
        moved("report", came_from, went_to, jobs)
    moved("report", "", "queued", 999, minutes_ago=20)
    (one,) = type_figures.all_types()

    assert (one.flow.made, one.flow.ended, one.flow.runs, one.flow.failed) == (30, 15, 20, 8)
    assert one.flow.error_rate == 0.4
    assert 15 <= one.flow.minutes <= 16


def test_how_long_jobs_waited_and_ran_is_told_at_p95(visitor: Visitor) -> None:
    JobFactory(type="report")
    spent("report", "queued", seconds=100)
    spent("report", "running", seconds=7)
    (one,) = type_figures.all_types()

    assert one.wait == pytest.approx(100, rel=0.1)
    assert one.run == pytest.approx(7, rel=0.1)
    assert "none ended" in visitor("viewer").get(TYPES).text


def test_the_reason_of_a_pause_is_shown_wherever_the_type_is(visitor: Visitor) -> None:
    JobFactory(type="report")
    pausing.pause(by=STAFF, reason="the printer is on fire", subject=Subject.type("report"))
    browser = visitor("operator")

    for page in (browser.get(TYPES).text, browser.get(ONE).text):
        assert "the printer is on fire" in page
    assert 'href="/admin/jobs/jobtype/report/resume/?next=%2Ftypes"' in browser.get(TYPES).text
    assert "It is paused." in browser.get(ONE).text


def test_a_pause_of_the_site_is_told_once_and_by_no_type_as_its_own(visitor: Visitor) -> None:
    for name in ("report", "export"):
        JobFactory(type=name)
    pausing.pause(by=STAFF, reason="we move house")
    browser = visitor("operator")

    assert browser.get(TYPES).text.count("we move house") == 1
    assert "All claims are paused by anna" in browser.get(ONE).text
    assert "It is not paused by itself." in browser.get(ONE).text


def test_a_pause_is_asked_for_and_leads_back(visitor: Visitor) -> None:
    JobFactory(type="report")
    answer = visitor("operator").post("/admin/jobs/jobtype/report/pause/", {"reason": "r", "next": TYPES})

    assert answer["Location"] == TYPES
    assert [pause.reason for pause in pausing.pauses_of_type("report")] == ["r"]


def test_viewers_are_offered_nothing_on_the_list_and_told_why_on_the_page(visitor: Visitor) -> None:
    JobFactory(type="report")
    browser = visitor("viewer")

    assert "Pause…" not in browser.get(TYPES).text
    assert "Needs the permission jobs.change_jobtype." in browser.get(ONE).text


def test_a_limit_that_is_reached_is_told(visitor: Visitor) -> None:
    job_types.configure("report", by=STAFF, reason="r", concurrency_limit=1)
    JobFactory(type="report", status="running")
    browser = visitor("viewer")

    for page in (browser.get(TYPES).text, browser.get(ONE).text):
        assert "full</span> 1 of 1" in page


def test_one_type_shows_how_it_is_run_and_what_fails_most(visitor: Visitor) -> None:
    job_types.configure("report", by=STAFF, reason="r", max_attempts=7)
    group = grouped(JobFactory(type="report", status="failed"))
    page = visitor("viewer").get(ONE).text

    assert "<b>7</b>" in page
    assert f'href="/failures/{group.fingerprint}"' in page
    assert 'href="/jobs?type=report&amp;status=failed"' in page


def test_types_are_found_by_their_beginning(visitor: Visitor) -> None:
    for name in ("report", "export"):
        JobFactory(type=name)
    browser = visitor("viewer")

    assert 'href="/types/export"' not in browser.get(f"{TYPES}?q=rep").text
    assert "No type begins so" in browser.get(f"{TYPES}?q=x%00").text


@pytest.mark.parametrize("name", ["nothing", "a%00b"])
def test_a_type_that_is_none_is_not_found(name: str, visitor: Visitor) -> None:
    assert visitor("viewer").get(f"/types/{name}").status_code == 404


@pytest.mark.parametrize("address", [TYPES, ONE])
def test_two_hundred_types_take_no_more_queries_than_one(address: str, visitor: Visitor) -> None:
    enqueue([NewJob(type=f"t-{number}") for number in range(200)], by=PRODUCER)
    JobFactory(type="report", status="running", holder=Holder.of("o"))
    browser = visitor("operator")
    with questions() as asked:
        assert browser.get(address).status_code == 200

    assert len(asked) <= MOST_QUERIES, asked


def test_of_the_jobs_only_those_that_wait_or_are_held_are_read(db: None, sql: Any) -> None:
    enqueue([NewJob(type=f"t-{number % 20}", priority=number % 3) for number in range(2000)], by=PRODUCER)
    sql("analyze jobs")
    sql("analyze lanes")
    with footprint() as seen:
        type_figures.all_types()

    assert "jobs" not in seen.whole
    assert seen.indexes["jobs_claim"].entries <= 2000 + 20 * 4 * 2


@pytest.mark.parametrize(("number", "told"), [(0, "0"), (0.01, "<0.1"), (0.44, "0.4"), (3.0, "3"), (12.4, "12"), (1204.0, "1,204")])
def test_a_rate_is_told_as_exactly_as_it_matters(number: float, told: str) -> None:
    assert rate(number) == told
