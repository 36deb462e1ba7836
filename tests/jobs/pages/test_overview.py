"""The overview: trouble first, figures that add up, and what stands there when there are none."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import rollup
from jobs.actors import Actor
from jobs.lifecycle import Status
from jobs.models import FailureCount, Job, Orchestrator, Span, TransitionCount
from jobs.sweeps import sweep
from jobs.views.attention import Concern, in_order, usually
from tests.factories import JobFactory, grouped
from tests.jobs.pages.conftest import Visitor
from tests.queries import questions

# Five of the frame's, the news at the header, the brake, and ten of the page: each panel asks once.
MOST_QUERIES = 17
LATE = timedelta(minutes=11, seconds=30)


def _expire(job: Job) -> Job:
    Job.objects.filter(id=job.id).update(lease_expires_at=timezone.now() - LATE)
    return job


def _count(status: str, jobs: int, *, job_type: str = "report", came_from: str = "running", span: Span = Span.MINUTE) -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    TransitionCount.objects.create(span=span, begins_at=now, type=job_type, from_status=came_from, to_status=status, category="", jobs=jobs)


def test_the_brand_leads_to_it_and_it_stands_first(visitor: Visitor) -> None:
    page = visitor("viewer").get("/").text

    assert re.search(r'<div id="site-name"><a href="/">', page)
    assert re.search(r'<nav class="opsnav"[^>]*><a href="/" data-key="o" aria-current="page">Overview</a>', page)


def test_whoever_may_see_no_job_sees_no_overview(visitor: Visitor) -> None:
    assert visitor("no role").get("/").status_code == 403


def test_without_a_job_it_says_how_the_first_one_is_made(visitor: Visitor) -> None:
    page = visitor("viewer").get("/").text

    assert "curl -X POST http://testserver/api/internal/jobs" in page
    assert 'class="tiles"' not in page


def test_one_line_says_that_all_is_well(visitor: Visitor) -> None:
    JobFactory(status="completed")
    sweep(by=Actor.sweep(), again_within=60)
    page = visitor("viewer").get("/").text

    assert "All clear" in page
    assert "None: every lease is in time" in page


def test_a_stuck_job_is_told_first_with_what_may_be_done(visitor: Visitor) -> None:
    job = _expire(JobFactory(status="running"))
    sweep(by=Actor.sweep(), again_within=60, dry_run=True)
    page = visitor("operator").get("/").text

    assert "All clear" not in page
    assert "1 lease lost" in page
    assert "stuck 11m" in page
    assert f'name="_selected_action" value="{job.id}"' in page
    assert re.findall(r'name="action" value="(\w+)"', page) == ["release", "cancel"]


def test_who_may_not_act_sees_no_button(visitor: Visitor) -> None:
    _expire(JobFactory(status="running"))
    page = visitor("viewer").get("/").text

    assert "stuck 11m" in page
    assert 'name="action"' not in page


def test_an_act_is_asked_for_and_leads_back(visitor: Visitor) -> None:
    job = _expire(JobFactory(status="running"))
    browser = visitor("operator")
    asked = {"_selected_action": job.id, "action": ["release", "cancel"], "index": "0", "next": "/?period=6h"}
    page = browser.post("/admin/jobs/job/", asked)

    assert "Release 1 job" in page.text
    done = browser.post("/admin/jobs/job/", {**asked, "action": "release", "confirmed": "1", "reason": "its host is gone"})
    assert done["Location"] == "/?period=6h"
    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_an_orchestrator_that_is_silent_is_told_with_what_it_holds(visitor: Visitor) -> None:
    job = JobFactory(status="running")
    past = timezone.now() - timedelta(minutes=10)
    Job.objects.filter(id=job.id).update(claimed_at=past, started_at=past, acknowledged_at=None)
    Orchestrator.objects.update(last_seen_at=past)
    page = visitor("viewer").get("/").text

    assert "silent orchestrator<" in page
    assert "1 job held" in page
    assert 'href="/fleet/orch-1"' in page


def test_failures_are_trouble_when_they_are_more_than_usual(visitor: Visitor) -> None:
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    JobFactory(status="queued")
    for hour in range(2, 26):
        TransitionCount.objects.create(
            span=Span.HOUR, begins_at=now - timedelta(hours=hour), type="a", from_status="running", to_status="failed", category="", jobs=15
        )
    _count("failed", 20)
    browser = visitor("viewer")
    assert 'class="att s-failed"' not in browser.get("/").text
    _count("failed", 27, job_type="export")

    trouble = re.search(r'class="att s-failed" href="/failures".*?</a>', browser.get("/").text, re.DOTALL)
    assert trouble
    assert '<span class="n">47</span>' in trouble[0]
    assert '<span class="d">usually 15</span>' in trouble[0]


def test_trouble_comes_before_what_is_well() -> None:
    well, trouble = Concern("0", "x", "", "/"), Concern("3", "y", "", "/", "s-warn")

    assert in_order([well, None, trouble]) == [trouble, well]


@pytest.mark.parametrize(("number", "words"), [(None, ""), (0, "usually none"), (0.25, "usually under 1"), (15.4, "usually 15")])
def test_what_is_usual_in_words(number: float | None, words: str) -> None:
    assert usually(number) == words


def test_the_table_adds_up_to_what_the_tiles_say(visitor: Visitor) -> None:
    JobFactory(status="queued")
    _count("failed", 3)
    _count("completed", 1200)
    _count("queued", 2, came_from="failed")
    _count("queued", 500, came_from="")
    page = visitor("viewer").get("/").text
    foot = re.search(r"<tfoot>.*?</tfoot>", page, re.S)

    assert foot
    assert re.findall(r'<td class="num">([\d,]+)</td>', foot[0]) == ["3", "0", "1,200", "0", "0", "2", "1,205"]
    assert re.search(r's-completed".*?<span class="v">1,200</span>', page, re.S)


def test_a_type_of_which_no_run_ended_has_no_rate(visitor: Visitor) -> None:
    JobFactory(status="queued")
    _count("running", 4, job_type="ml.embed", came_from="claimed")
    _count("failed", 1, job_type="geo.import")
    page = visitor("viewer").get("/").text

    assert re.search(r"ml\.embed</a>.*?0 of 0.*?none ended", page, re.S)
    assert re.search(r"geo\.import</a>.*?1 of 1.*?100 %", page, re.S)


def test_a_group_leads_to_its_page_and_its_hours_are_drawn(visitor: Visitor) -> None:
    group = grouped(JobFactory(status="failed"))
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    FailureCount.objects.create(fingerprint=group.fingerprint, hour=hour, failures=24)
    page = visitor("viewer").get("/").text

    assert f'href="/failures/{group.fingerprint}"' in page
    assert "24 failures in 1 group since" in page
    assert "<title>24 by the hour, at most 24 in one</title>" in page


@pytest.mark.parametrize("period", ["15m", "6h", "24h", "7d"])
def test_the_period_stands_in_the_address(period: str, visitor: Visitor) -> None:
    JobFactory(status="failed")

    assert f'href="?period={period}" aria-current="true"' in visitor("viewer").get(f"/?period={period}").text


def test_a_period_that_is_none_is_answered_in_words(visitor: Visitor) -> None:
    JobFactory(status="queued")
    answer = visitor("viewer").get("/?period=1y")

    assert answer.status_code == 400
    assert "must be one of 15m, 1h, 6h, 24h, 7d" in answer.text


def test_figures_that_lag_behind_are_told(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    JobFactory(status="queued")
    browser = visitor("viewer")
    monkeypatch.setattr(rollup, "lag_seconds", lambda: 134.0)

    assert re.search(r"The figures are <b>2m 14s</b>\s+behind", browser.get("/").text)


def test_unchanged_it_is_not_sent_again(visitor: Visitor) -> None:
    JobFactory(status="completed")
    browser = visitor("viewer")
    part = browser.get("/", headers={"HX-Request": "true"})

    assert browser.get("/", headers={"HX-Request": "true", "If-None-Match": part["ETag"]}).status_code == 204


def test_what_others_wrote_is_escaped(visitor: Visitor) -> None:
    _expire(JobFactory(status="running", type="<script>alert(1)</script>"))
    _count("failed", 1, job_type="<img src=x>")
    page = visitor("viewer").get("/").text

    assert "<script>alert(1)" not in page
    assert "<img" not in page


def test_it_asks_few_questions_however_much_there_is_to_tell(visitor: Visitor) -> None:
    for _ in range(3):
        _expire(JobFactory(status="running"))
        grouped(JobFactory(status="failed"))
    browser = visitor("operator")
    with questions() as asked:
        browser.get("/")

    assert len(asked) <= MOST_QUERIES, asked
