"""Failures that are alike are one group, counted behind the reports and never by them."""

from collections import Counter
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from benchmarks.footprint import footprint
from jobs import chores, failure_groups
from jobs.actors import Actor
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.models import Attempt, AuditEntry, FailureCount, FailureFold, FailureGroup, Job
from jobs.outcomes import Report, judge
from jobs.sweeps import sweep
from jobs.transitions import Step, apply
from tests.factories import HOLDER, PRODUCER, JobFactory, claimed, grouped, running
from tests.statements import counted

# Twelve ways to fail, each told anew each time.
TEMPLATES = [
    ("invoice", Report(error="Order {n} not found")),
    ("invoice", Report(error="Order {n} not found", exit_code=2)),
    ("report", Report(error="Order {n} not found")),
    ("invoice", Report(error="connect to 10.0.{n}.1:54{n} refused")),
    ("invoice", Report(error={"code": "E42", "message": "can't read '/data/{n}.csv'"})),
    ("invoice", Report(error={"code": "E43", "message": "can't read '/data/{n}.csv'"})),
    ("invoice", Report(error="can't write /data/{n}.csv", category="permission", retryable=True)),
    ("invoice", Report(exit_code=3, output={"stderr": "first {n}\ndisk of host-{n} is full\n"})),
    ("invoice", Report(exit_code=137)),
    ("invoice", Report(status="timeout")),
    ("invoice", Report(error="Traceback (most recent call last):\n  File \"/a/b.py\", line {n}, in load\n    x()\nKeyError: '{n}'\n")),
    ("invoice", Report(error="Traceback (most recent call last):\n  File \"/a/b.py\", line {n}, in save\n    x()\nKeyError: '{n}'\n")),
]


def fill(report: Report, number: int) -> Report:
    """A report of its own from a template."""
    told = msgspec.json.encode({"error": report.error, "output": report.output}).decode().replace("{n}", str(number))
    return msgspec.structs.replace(report, **msgspec.json.decode(told))


def fail(job_type: str, reports: list[Report]) -> None:
    """As many jobs of a type fail at once."""
    enqueue([NewJob(type=job_type) for _ in reports], by=PRODUCER)
    jobs = claim(by=HOLDER, batch_size=len(reports), job_types=[job_type]).jobs
    rulings = apply(
        [Step.ending(judge(report), job_id=job.id, epoch=job.epoch) for job, report in zip(jobs, reports, strict=True)], by=HOLDER
    )
    assert {ruling.verdict for ruling in rulings} == {"applied"}


def fold_all() -> None:
    while failure_groups.fold():
        pass


def test_ten_thousand_failures_of_twelve_templates_are_twelve_groups_with_exact_counts(live_db: str) -> None:
    each = [828 + place for place in range(11)]
    each.append(10_000 - sum(each))
    for (job_type, template), number in zip(TEMPLATES, each, strict=True):
        reports = [fill(template, place) for place in range(number)]
        for first in range(0, number, 500):
            fail(job_type, reports[first : first + 500])
    fold_all()

    assert Counter(group.failures for group in FailureGroup.objects.all()) == Counter(each)
    assert Counter(FailureCount.objects.values_list("fingerprint", flat=True).distinct()).total() == 12
    assert sum(FailureCount.objects.values_list("failures", flat=True)) == 10_000
    for group in FailureGroup.objects.all():
        alike = Job.objects.filter(fingerprint=group.fingerprint)
        assert (alike.count(), set(alike.values_list("type", flat=True))) == (group.failures, {group.type})
    # How many stand failed is read from the entries of the group alone.
    with connection.cursor() as cursor:
        cursor.execute("analyze jobs")
    with footprint() as seen:
        failed = failure_groups.failed_now([group.fingerprint])
    assert failed == {group.fingerprint: group.failures}
    assert seen.indexes["jobs_failed_alike"].entries == group.failures
    assert "jobs" not in seen.whole


def test_a_round_of_the_fold_takes_as_many_statements_for_many_groups_as_for_one(live_db: str) -> None:
    each = failure_groups.MOST_AT_ONCE
    fail("invoice", [Report(error=f"Order {number} not found") for number in range(each)])
    fail("invoice", [Report(error={"code": f"E{number}"}) for number in range(each)])
    for groups in (1, 1 + each):
        with counted() as run:
            assert failure_groups.fold()
        assert FailureGroup.objects.count() == groups
        assert run.statements <= 15
    assert not failure_groups.fold()
    assert sum(FailureGroup.objects.values_list("failures", flat=True)) == 2 * each


def test_a_group_tells_what_its_failures_have_in_common(live_db: str) -> None:
    job = running(JobFactory(type="invoice"))
    job.fail(Report(error={"code": "E42", "message": "no table 'orders'", "stack": "x\n at f (/srv/a.js:1:2)"}, exit_code=3), by=HOLDER)
    fold_all()
    (group,) = FailureGroup.objects.all()

    assert (group.type, group.category, group.code, group.title) == ("invoice", job.error_category, "3 E42", "no table <text>")
    assert (group.top_frame, group.example_job_id, group.example_error) == ("a.js f", job.id, "no table 'orders'")
    assert (group.first_seen_at, group.last_seen_at, group.state) == (job.completed_at, job.completed_at, "new")


def test_a_failure_that_is_tried_again_is_counted_with_its_attempt_and_a_success_clears_it(live_db: str) -> None:
    job = running(JobFactory(max_attempts=2))
    job.fail(Report(error="order 1 not found", retry_after_seconds=0), by=HOLDER)
    fold_all()
    job.refresh_from_db()
    (attempt,) = Attempt.objects.all()

    assert job.status == "queued"
    assert job.fingerprint == attempt.fingerprint == FailureGroup.objects.get().fingerprint
    running(job).complete(by=HOLDER)
    assert Job.objects.get(id=job.id).fingerprint is None
    assert FailureGroup.objects.get().failures == 1


# How the sweep comes to fail a run, and what it then says.
def _lost(job: Job) -> None:
    running(job)
    _update(job, "lease_expires_at = clock_timestamp()")


def _timed_out(job: Job) -> None:
    running(job)
    _update(job, "started_at = now() - interval '2 days', lease_expires_at = clock_timestamp()")


def _never_acknowledged(job: Job) -> None:
    claimed(job)
    _update(job, "claim_losses = 30, lease_expires_at = clock_timestamp()")


@pytest.mark.parametrize("lose", [_lost, _timed_out, _never_acknowledged])
def test_what_the_sweep_fails_has_the_fingerprint_that_its_row_comes_to(db: None, sql: Any, lose: Any) -> None:
    job = JobFactory()
    lose(job)
    sweep(by=Actor.sweep(), force=True)
    job.refresh_from_db()
    (run,) = failure_groups.runs([(job.id, job.epoch)])

    assert job.status == "failed"
    assert sql("select failure_fingerprint(%s, %s)", job.type, failure_groups.likeness_of(run).fault) == [(job.fingerprint,)]


@pytest.mark.parametrize(("job_type", "template"), TEMPLATES)
def test_a_row_comes_to_the_fingerprint_that_its_report_was_given(db: None, sql: Any, job_type: str, template: Report) -> None:
    long = "x" * 100_000
    for report in (fill(template, 7), Report(error={"message": long, "stack": long}, output={"stderr": long})):
        job = running(JobFactory(type=job_type))
        job.fail(report, by=HOLDER)
        (run,) = failure_groups.runs([(job.id, job.epoch)])

        assert sql("select failure_fingerprint(%s, %s)", job.type, failure_groups.likeness_of(run).fault) == [(job.fingerprint,)]


def test_what_may_still_be_written_before_it_is_left_for_later(live_db: str) -> None:
    running(JobFactory()).fail(Report(error="before"), by=HOLDER)
    with psycopg.connect(live_db) as slow:
        # Its id is older than that of the failure that follows, and its entry comes later.
        slow.execute("select pg_current_xact_id()")
        running(JobFactory()).fail(Report(error="after"), by=HOLDER)
        fold_all()
        assert list(FailureGroup.objects.values_list("title", flat=True)) == ["before"]
    fold_all()

    assert set(FailureGroup.objects.values_list("title", "failures")) == {("before", 1), ("after", 1)}


def test_failures_from_before_there_were_fingerprints_are_passed_over(live_db: str) -> None:
    job = JobFactory(status="failed")
    _update(job, "fingerprint = null")
    fold_all()

    assert not FailureGroup.objects.exists()
    assert FailureFold.objects.get().entry_id == AuditEntry.objects.get(job_id=job.id, action="fail").pk


def _update(job: Job, change: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"update jobs set {change} where id = %s", [job.id])


@pytest.mark.django_db
def test_hours_long_past_are_forgotten_and_the_group_keeps_its_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure_groups, "_FORGOTTEN_AT_ONCE", 2)
    group = grouped(JobFactory(status="failed"))
    now = failure_groups.hour_of(timezone.now())
    old = [now - timedelta(days=days) for days in (90.5, 91, 400)]
    kept = now - timedelta(days=89)
    failure_groups.count(Counter({(group.fingerprint, hour): 3 for hour in [*old, kept]}))

    assert [chores.forget_failure_counts() for _ in range(2)] == [True, False]
    assert list(FailureCount.objects.order_by("hour").values_list("hour", flat=True)) == [kept]
    assert FailureGroup.objects.get().failures == group.failures


GROUPS = """
insert into failure_groups (fingerprint, type, category, code, title, top_frame, rule, example_job_id, example_error, failures,
  first_seen_at, last_seen_at, state, snoozed_until, snoozed_from)
select lpad(n::text, 16, '0'), 'report', 'system', '', 'x', '', 1, 'job', '', 1, now(), now(), s.state,
  case s.state when 'snoozed' then now() + interval '1 minute' * (n - 3) end, case s.state when 'snoozed' then 'new' end
from generate_series(1, 5000) n cross join lateral (select case when n <= 5 then 'snoozed' else 'new' end as state) s;
analyze failure_groups;
"""


@pytest.mark.django_db
def test_groups_that_wake_are_found_among_many_by_an_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute(GROUPS)
    with footprint() as seen:
        failure_groups.wake()
        assert FailureGroup.objects.filter(state="snoozed").count() == 2

    assert "failure_groups" not in seen.whole
    assert seen.indexes["failure_groups_snoozed"].entries < 20
