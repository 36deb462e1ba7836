"""Sweeps: the rules, what is stuck by them now, what a sweep would do, and what sweeps did."""

from typing import Any

import pytest

from jobs import sweeps
from jobs.actors import Actor
from jobs.models import AuditEntry, SweepRun
from jobs.rules import NAMES, RULES, threshold
from jobs.sweep_runs import ByHand
from tests.factories import STAFF, JobFactory
from tests.jobs.pages.conftest import Visitor
from tests.queries import questions

SWEEPS = "/sweeps"
MOST_QUERIES = 12
Sql = Any


def lapse(sql: Sql) -> None:
    sql("update jobs set lease_expires_at = now() - interval '3 minutes' where status in ('claimed', 'running')")


@pytest.mark.parametrize("name", NAMES)
def test_each_rule_is_told_with_its_threshold_from_the_settings(name: str, visitor: Visitor) -> None:
    page = visitor("viewer").get(SWEEPS).text

    assert f'href="/sweeps?rule={name}"' in page
    assert threshold(name).replace("'", "&#x27;") in page


def test_thresholds_are_those_of_the_settings(settings: Any) -> None:
    settings.OFFLINE_SECONDS, settings.CANCEL_GRACE_SECONDS = 77, 5

    assert threshold("orchestrator_offline") == "silent for 1m 17s"
    assert threshold("cancel_overdue") == "5s to obey"
    assert threshold("unroutable") == "due for 10m"


def test_that_nothing_is_stuck_is_good_news(visitor: Visitor) -> None:
    JobFactory(status="running")
    page = visitor("viewer").get(SWEEPS).text

    assert "Nothing is stuck" in page
    assert "No sweep yet" in page


def test_what_a_sweep_would_do_is_shown_and_not_done(visitor: Visitor, sql: Sql) -> None:
    claimed, running = JobFactory(status="claimed"), JobFactory(status="running")
    lapse(sql)
    entries = AuditEntry.objects.count()
    page = visitor("viewer").get(SWEEPS).text

    assert claimed.id in page
    assert running.id in page
    assert "did not acknowledge it: the claim ran out" in page
    assert (AuditEntry.objects.count(), SweepRun.objects.count()) == (entries, 0)
    foretold = {one.job_id: one.became for one in sweeps.preview(brake=None, most=10)}
    assert foretold == {one.job_id: one.became for one in sweeps.sweep(by=Actor.sweep()).swept}


def test_while_the_brake_holds_no_running_lease_is_foretold_to_end(visitor: Visitor, sql: Sql) -> None:
    claimed, running = JobFactory(status="claimed"), JobFactory(status="running")
    lapse(sql)
    sql("update watch set brake_since = now(), brake_until = now() + interval '1 minute', brake_reason = 'we were away'")
    page = visitor("viewer").get(SWEEPS).text

    assert claimed.id in page
    assert running.id not in page
    assert "1 running lease that ran out is kept" in page


def test_stuck_jobs_are_counted_by_rule_up_to_a_limit(visitor: Visitor, sql: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.views.sweeps.MOST_FORETOLD", 3)
    monkeypatch.setattr("jobs.views.sweeps.MOST_SHOWN", 1)
    for _ in range(4):
        JobFactory(status="claimed")
    lapse(sql)
    page = visitor("viewer").get(SWEEPS).text

    assert "3+</span>" in page
    assert "and 2 or more besides" in page


def test_jobs_that_are_told_and_not_moved_stand_beside_them(visitor: Visitor, sql: Sql) -> None:
    JobFactory(type="report")
    sql("update jobs set scheduled_for = now() - interval '1 hour', created_at = now() - interval '1 hour'")
    page = visitor("viewer").get(SWEEPS).text

    assert "no live orchestrator takes type report" in page
    assert "nowhere, is told" in page


def test_runs_tell_who_swept_why_and_what_came_of_it(visitor: Visitor, sql: Sql) -> None:
    JobFactory(status="claimed")
    lapse(sql)
    sweeps.sweep(by=Actor.sweep(), by_hand=ByHand(STAFF, "the rack was moved"))
    browser = visitor("viewer")
    page = browser.get(SWEEPS).text

    assert "anna" in page
    assert "the rack was moved" in page
    assert browser.get(f"{SWEEPS}?rule=timeout").text.count("the rack was moved</td>") == 1
    assert page.count("the rack was moved</td>") == len(RULES)


def test_a_rule_that_is_none_is_answered_in_words(visitor: Visitor) -> None:
    answer = visitor("viewer").get(f"{SWEEPS}?rule=age")

    assert answer.status_code == 400
    assert "must be one of unacknowledged" in answer.text


def test_only_who_may_sweep_is_led_to_the_page_that_asks_and_back(visitor: Visitor) -> None:
    browser = visitor("operator")

    assert "Sweep now…" not in visitor("viewer").get(SWEEPS).text
    assert 'href="/admin/jobs/sweeprun/sweep/?next=%2Fsweeps"' in browser.get(SWEEPS).text
    assert 'href="/sweeps">Back' in browser.get("/admin/jobs/sweeprun/sweep/?next=/sweeps").text
    assert browser.post("/admin/jobs/sweeprun/sweep/", {"reason": "r", "next": SWEEPS})["Location"] == SWEEPS


def test_the_page_takes_as_many_queries_with_many_runs_as_with_none(visitor: Visitor, sql: Sql) -> None:
    sql(
        "insert into sweep_runs (at, rule, examined, found, changed, seconds, actor, dry_run) "
        "select now(), 'timeout', 1, 1, 1, 0.1, 'sweep', false from generate_series(1, 120)"
    )
    browser = visitor("operator")
    with questions() as asked:
        page = browser.get(SWEEPS).text

    assert len(asked) <= MOST_QUERIES, asked
    assert 'rel="next"' in page


def test_what_a_rule_does_is_told_by_the_settings(visitor: Visitor, settings: Any) -> None:
    settings.CLAIM_LOSSES_ALLOWED, settings.RELEASES_ALLOWED, settings.RELEASES_WITHIN_SECONDS = 7, 4, 1800
    page = visitor("viewer").get(SWEEPS).text

    assert "after 7 in a row failed" in page
    assert "given back 3 times within 30m" in page
