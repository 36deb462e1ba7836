"""What has ended and outlived its time is deleted; its history stays, and nothing else is touched."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from jobs import chores, retention, timing
from jobs.enqueueing import NewJob, enqueue
from jobs.lifecycle import Status
from jobs.models import Attempt, AuditEntry, Job, LogLine
from jobs.retention import Outlived, Periods
from tests.factories import PRODUCER, STAFF, JobFactory
from tests.ledger import actions
from tests.past import ended, put_back, write

pytestmark = pytest.mark.django_db
USUAL = Periods(completed=timedelta(days=30), failed=timedelta(days=90), logs=timedelta(days=14))


def prune(periods: Periods = USUAL, **options: int) -> tuple[list[str], retention.Pruned]:
    gone: list[Outlived] = []
    done = retention.prune(periods, by=STAFF, told=gone.append, **options)
    return [one.job_id for one in gone], done


def preview(periods: Periods = USUAL, **options: int) -> tuple[list[str], retention.Pruned]:
    would: list[Outlived] = []
    done = retention.preview(periods, told=would.append, **options)
    return [one.job_id for one in would], done


@pytest.mark.parametrize(("status", "days"), [("completed", 30), ("cancelled", 30), ("failed", 90)])
def test_a_job_goes_when_it_has_outlived_the_period_of_its_status(status: str, days: int) -> None:
    old, young = ended(status, days=days + 0.01), ended(status, days=days - 0.01)

    gone, done = prune()

    assert gone == [old.id]
    assert done.jobs == {status: 1}
    assert list(Job.objects.values_list("id", flat=True)) == [young.id]
    assert list(Attempt.objects.values_list("job_id", flat=True)) == [young.id]


@pytest.mark.parametrize("status", [status for status in Status if not status.is_terminal])
def test_a_job_that_has_not_ended_never_goes(status: Status) -> None:
    job: Job = JobFactory(status=status)
    if status.is_live:
        write(job, 3)
    put_back(job, days=299)

    assert prune(Periods(completed=timedelta(0), failed=timedelta(0), logs=timedelta(0))) == ([], retention.Pruned())
    assert Job.objects.get().status == status
    assert LogLine.objects.count() == 3 * status.is_live


def test_its_history_stays_and_ends_with_what_it_was() -> None:
    job: Job = JobFactory(type="report", labels=["gpu", "linux"], unique_key="monthly", retried_from="job_before")
    job.cancel(by=STAFF)
    put_back(job, days=31)
    before = timing.of(job.id, now=timezone.now())
    prune()

    assert actions(job) == ["enqueue", "cancel", "prune"]
    last = AuditEntry.objects.filter(job_id=job.id).latest("sequence")
    assert (last.from_status, last.to_status, last.actor, last.attempt) == ("cancelled", "cancelled", STAFF.name, 1)
    assert last.detail == {"type": "report", "labels": ["gpu", "linux"], "uniqueKey": "monthly", "retriedFrom": "job_before"}
    assert timing.of(job.id, now=timezone.now()) == before


def test_of_a_failure_its_kind_is_kept() -> None:
    job = ended("failed", days=100)
    prune()

    assert job.fingerprint
    last = AuditEntry.objects.filter(job_id=job.id).latest("sequence")
    assert last.detail == {"type": job.type, "fingerprint": job.fingerprint}


def test_a_row_that_a_restore_brings_back_is_refused(sql: Callable[..., object]) -> None:
    ended("completed", days=31)
    sql("create temporary table restored on commit drop as select * from jobs")
    prune()

    with pytest.raises(IntegrityError, match="the audit log knows more of it"), transaction.atomic():
        sql("insert into jobs select * from restored")


def test_what_names_it_keeps_the_name_and_its_keys_are_free() -> None:
    job = ended("completed", days=31, type="report", unique_key="monthly")
    again = job.run_again(by=STAFF)
    again.cancel(by=STAFF)
    prune()

    again.refresh_from_db()
    assert again.retried_from == job.id
    (fresh,) = enqueue([NewJob(type="report", unique_key="monthly")], by=PRODUCER)
    assert Job.objects.filter(id=fresh.id).exists()


def test_logs_go_before_their_jobs_and_only_those_of_jobs_that_have_ended() -> None:
    old, young = ended("failed", days=15, lines=5), ended("failed", days=13, lines=5)
    running: Job = JobFactory(status="running")
    write(running, 5)
    put_back(running, days=200)

    gone, done = prune()

    assert (gone, done.logs_of, done.log_lines) == ([], 1, 5)
    assert Job.objects.filter(id=old.id).exists()
    assert {*LogLine.objects.values_list("job_id", flat=True)} == {young.id, running.id}


def test_a_job_takes_its_lines_along_however_long_logs_are_kept() -> None:
    ended("completed", days=31, lines=5)
    ended("failed", days=31, lines=5)

    _, done = prune(Periods(completed=timedelta(days=30), failed=None, logs=None))

    assert (done.jobs, done.logs_of, done.log_lines) == ({"completed": 1}, 1, 5)
    assert LogLine.objects.count() == 5


def test_many_lines_go_in_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_LINES_AT_ONCE", 4)
    for lines in (9, 0, 4, 8):
        ended("completed", days=20, lines=lines)

    assert preview()[1] == prune()[1] == retention.Pruned(logs_of=3, log_lines=21)
    assert LogLine.objects.count() == 0


@pytest.mark.parametrize("options", [{}, {"batch_size": 2}, {"limit": 4}, {"limit": 4, "batch_size": 3}, {"limit": 1}])
def test_a_preview_tells_what_is_then_deleted(options: dict[str, int]) -> None:
    for place, days in enumerate((95, 31, 100, 40, 13, 200)):
        for status in ("completed", "failed", "cancelled"):
            ended(status, days=days + place / 10, lines=place)
    put_back(JobFactory(), days=100)
    before = Job.objects.count(), LogLine.objects.count(), AuditEntry.objects.count()

    would = preview(USUAL, **options)
    assert (Job.objects.count(), LogLine.objects.count(), AuditEntry.objects.count()) == before
    assert prune(USUAL, **options) == would
    assert Job.objects.count() == before[0] - would[1].jobs.total()
    assert len(would[0]) == options.get("limit", 13)
    if not options.get("limit"):
        assert preview() == prune() == ([], retention.Pruned())


@pytest.mark.parametrize("limit", [1, 4, 6])
@pytest.mark.parametrize("batch_size", [2, 500])
def test_a_limit_holds_for_the_logs_too(limit: int, batch_size: int) -> None:
    jobs = [ended("completed", days=20, lines=3) for _ in range(6)]

    assert preview(limit=limit, batch_size=batch_size) == prune(limit=limit, batch_size=batch_size)
    assert {*LogLine.objects.values_list("job_id", flat=True)} == {job.id for job in jobs[limit:]}
    assert LogLine.objects.count() == 3 * (6 - limit)
    assert Job.objects.count() == 6


def test_the_lines_of_a_job_that_goes_are_told_though_the_logs_before_it_reached_the_limit() -> None:
    first = ended("failed", days=20, lines=2)
    gone = ended("completed", days=40, lines=5)

    assert preview(limit=1) == prune(limit=1) == ([gone.id], retention.Pruned(jobs=Counter({"completed": 1}), logs_of=2, log_lines=7))
    assert Job.objects.get().id == first.id


def test_a_run_that_deletes_something_is_recorded_and_one_that_does_not_is_not() -> None:
    ended("completed", days=31, lines=2)
    prune()
    prune()

    entry = AuditEntry.objects.get(subject_type="site")
    assert (entry.action, entry.subject_id, entry.actor) == ("prune", "jobs", STAFF.name)
    assert entry.detail == {"jobs": {"completed": 1}, "logsOf": 1, "logLines": 2}


def test_what_is_kept_for_ever_stays() -> None:
    for status in ("completed", "failed", "cancelled"):
        ended(status, days=299, lines=1)

    assert prune(Periods(completed=None, failed=None, logs=None)) == ([], retention.Pruned())


def test_the_sweep_loop_prunes_only_where_the_settings_say_so(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(3):
        ended("completed", days=31)

    assert chores.prune() is False
    assert Job.objects.count() == 3
    settings.PRUNE = True
    assert [chores.prune(), chores.prune()] == [True, False]
    assert Job.objects.count() == 0
    assert {entry.actor for entry in AuditEntry.objects.filter(action="prune")} == {"retention"}


@pytest.mark.parametrize("days", [20, 100])
def test_a_turn_of_the_sweep_loop_deletes_no_more_lines_than_go_at_once(days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_LINES_AT_ONCE", 4)
    for _ in range(2):
        ended("completed", days=days, lines=5)
    pruner, left, more = retention.Pruner(), [], True
    while more:
        more = pruner.prune_a_little(by=STAFF)
        left.append((LogLine.objects.count(), Job.objects.count()))

    stay = 2 if days == 20 else 0
    assert left == [(6, 2), (2, 2), (0, stay)]
    assert AuditEntry.objects.filter(action="prune", job_id__isnull=False).count() == 2 - stay


def test_a_chore_that_is_seldom_has_its_turn_again_at_once_while_there_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    now, more = [100.0], [True, True, False, False]
    monkeypatch.setattr("jobs.chores.time.monotonic", lambda: now[0])
    chore = chores.Seldom(lambda: more.pop(0), every_seconds=600)

    assert [chore(), chore(), chore(), chore()] == [True, True, False, False]
    assert len(more) == 1
    now[0] += 601
    assert chore() is False
    assert more == []


class TestCommand:
    def run(self, *arguments: str) -> str:
        out = StringIO()
        call_command("prune_jobs", *arguments, stdout=out)
        return out.getvalue()

    def test_a_dry_run_says_so_first_and_last_and_names_what_is_then_deleted(self) -> None:
        jobs = [ended("failed", days=100, lines=2), ended("cancelled", days=40)]
        dry, real = self.run("--dry-run").splitlines(), self.run().splitlines()

        assert dry == ["dry run", *real, "dry run"]
        assert [line.split()[:2] for line in real[:-1]] == [[jobs[1].id, "cancelled"], [jobs[0].id, "failed"]]
        assert real[-1] == "2 jobs (1 cancelled, 1 failed), 2 log lines of 1 jobs"
        assert self.run() == "0 jobs, 0 log lines of 0 jobs\n"

    def test_its_options_win_over_the_settings(self) -> None:
        for status in ("completed", "failed"):
            ended(status, days=2, lines=1)
        assert self.run().splitlines() == ["0 jobs, 0 log lines of 0 jobs"]
        told = [
            json.loads(line)
            for line in self.run("--completed", "36h", "--failed", "never", "--logs", "1d", "--format", "json").splitlines()
        ]

        assert [line.get("status") for line in told] == ["completed", None]
        assert told[-1] == {"dryRun": False, "jobs": {"completed": 1}, "logsOf": 2, "logLines": 2}
        assert Job.objects.get().status == "failed"

    @pytest.mark.parametrize("arguments", [("--completed", "soon"), ("--logs", "-1d"), ("--failed", "99999999d"), ("--limit", "0")])
    def test_a_value_that_can_not_be_is_refused_by_the_name_of_its_option(self, arguments: tuple[str, str]) -> None:
        with pytest.raises(CommandError, match=f"{arguments[0]}:"):
            self.run("=".join(arguments))
