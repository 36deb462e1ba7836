"""Which of the stuck jobs a sweep is asked to move, and what it says before and after."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from jobs.actors import Actor
from jobs.models import AuditEntry, Job
from jobs.rules import CHANGING, Narrowing
from jobs.sweeps import stuck, sweep
from tests.factories import HOLDER, OTHER, PRODUCER, JobFactory, claimed

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
SWEEPER = Actor.sweep()


def _ago(job: Job, **columns: int) -> Job:
    now = datetime.now(UTC)
    Job.objects.filter(id=job.id).update(**{name: now - timedelta(seconds=seconds) for name, seconds in columns.items()})
    return job


def _looping(**fields: Any) -> Job:
    job = JobFactory(**fields)
    for _ in range(9):
        claimed(job).release(by=HOLDER)
    claimed(job).acknowledge(by=HOLDER)
    return job


def _cancelling(**fields: Any) -> Job:
    job = JobFactory(status="running", **fields)
    job.cancel(by=PRODUCER)
    return job


# A job that is stuck by each rule, for so many seconds.
STUCK: dict[str, Callable[..., Job]] = {
    "unacknowledged": lambda seconds, **fields: _ago(JobFactory(status="claimed", **fields), lease_expires_at=seconds),
    "lease_lost": lambda seconds, **fields: _ago(JobFactory(status="running", **fields), lease_expires_at=seconds),
    "timeout": lambda seconds, **fields: _ago(
        JobFactory(status="running", timeout_seconds=10, **fields), lease_expires_at=seconds, started_at=130 + seconds
    ),
    "cancel_overdue": lambda seconds, **fields: _ago(_cancelling(**fields), cancel_requested_at=60 + seconds),
    "release_loop": lambda seconds, **fields: _ago(_looping(**fields), lease_expires_at=seconds),
}


def test_there_is_a_stuck_job_for_each_rule_that_changes_any() -> None:
    assert STUCK.keys() == {*CHANGING}


@pytest.mark.django_db
@pytest.mark.parametrize("rule", STUCK)
def test_a_rule_moves_what_is_stuck_by_it_and_nothing_else(rule: str) -> None:
    jobs = {name: make(1) for name, make in STUCK.items()}
    assert {name: found.jobs for name, found in stuck().items()} == dict.fromkeys(STUCK, 1)
    done = sweep(by=SWEEPER, narrowing=Narrowing(rules=[rule]))

    assert [(one.job_id, one.rule) for one in done.swept] == [(jobs[rule].id, rule)]
    entry = AuditEntry.objects.filter(job_id=jobs[rule].id, actor_kind="sweep").first()
    assert entry is not None
    assert (entry.detail or {})["rule"] == rule
    assert entry.reason == done.swept[0].reason
    assert stuck().keys() == STUCK.keys() - {rule}


@pytest.mark.django_db
def test_an_acknowledged_claim_that_ran_out_is_a_lost_lease() -> None:
    job = JobFactory(status="claimed")
    job.acknowledge(by=HOLDER)
    _ago(job, lease_expires_at=1)
    (swept,) = sweep(by=SWEEPER).swept

    assert (swept.job_id, swept.rule, swept.became) == (job.id, "lease_lost", "queued")
    assert swept.reason.startswith("orch-1 acknowledged it at ")


@pytest.mark.django_db
@pytest.mark.parametrize("rule", STUCK)
def test_older_than_counts_from_when_lease_or_grace_was_over_and_ends_nothing_before(rule: str) -> None:
    fresh, old = STUCK[rule](890), STUCK[rule](910)
    alive = [JobFactory(status=status) for status in ("claimed", "running")]
    for job in alive:
        _ago(job, claimed_at=90_000, updated_at=90_000)
    quarter = Narrowing(older_than=timedelta(minutes=15))

    assert [one.job_id for one in sweep(by=SWEEPER, narrowing=quarter).swept] == [old.id]
    assert [one.job_id for one in sweep(by=SWEEPER).swept] == [fresh.id]


@pytest.mark.django_db
def test_a_live_job_with_four_hours_of_time_is_untouched_after_three_by_any_rule_and_option() -> None:
    job = JobFactory(status="running", timeout_seconds=14_400)
    _ago(job, **dict.fromkeys(("claimed_at", "acknowledged_at", "started_at", "updated_at", "created_at"), 10_800))
    Job.objects.filter(id=job.id).update(lease_expires_at=datetime.now(UTC) + timedelta(seconds=5), kept_by_heartbeats=True)

    for rule in CHANGING:
        for older in (0, 1, 3600):
            narrowing = Narrowing(rules=[rule], older_than=timedelta(seconds=older), job_types=[job.type], orchestrators=["orch-1"])
            assert sweep(by=SWEEPER, narrowing=narrowing, force=True).swept == []
    assert Job.objects.get(id=job.id).status == "running"


@pytest.mark.django_db
def test_types_and_orchestrators_narrow_and_may_be_several() -> None:
    mine, theirs = STUCK["lease_lost"](1, type="a"), STUCK["lease_lost"](1, type="b", holder=OTHER)
    third = STUCK["lease_lost"](1, type="c")

    def found(**narrowed: Any) -> set[str]:
        return {one.job_id for one in sweep(by=SWEEPER, narrowing=Narrowing(**narrowed), dry_run=True).swept}

    assert found(job_types=["a"]) == {mine.id}
    assert found(job_types=["a", "b"]) == {mine.id, theirs.id}
    assert found(orchestrators=["orch-2"]) == {theirs.id}
    assert found(job_types=["a"], orchestrators=["orch-2"]) == set()
    assert found(orchestrators=["orch-1", "orch-2"]) == {mine.id, theirs.id, third.id}


@pytest.mark.django_db
@pytest.mark.parametrize("options", [{}, {"limit": 5}, {"batch_size": 2}, {"batch_size": 3, "limit": 7}])
def test_a_dry_run_names_the_jobs_that_the_real_one_then_moves(options: dict[str, int], capsys: pytest.CaptureFixture[str]) -> None:
    for make in STUCK.values():
        for _ in range(2):
            make(1)
    before = list(Job.objects.order_by("id").values())
    entries = AuditEntry.objects.count()
    call_command("sweep_stuck_jobs", dry_run=True, **options)
    foretold = capsys.readouterr().out.splitlines()
    assert (foretold[0], foretold[-1]) == ("dry run", "dry run")
    assert (list(Job.objects.order_by("id").values()), AuditEntry.objects.count()) == (before, entries)
    call_command("sweep_stuck_jobs", **options)
    done = capsys.readouterr().out.splitlines()

    assert [line.split()[:4] for line in foretold[1:-2]] == [line.split()[:4] for line in done[:-1]]
    assert len(done) - 1 == options.get("limit", 10)


@pytest.mark.django_db
def test_the_command_takes_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = STUCK["lease_lost"](1000, type="a")
    for make, fields in ((STUCK["timeout"], {"type": "a"}), (STUCK["lease_lost"], {"type": "b"}), (STUCK["lease_lost"], {"holder": OTHER})):
        make(1000, **fields)
    STUCK["lease_lost"](100, type="a")
    asked = ["--rule", "lease_lost", "--older-than", "15m", "--job-type", "a", "--orchestrator", "orch-1", "--limit", "9"]
    call_command("sweep_stuck_jobs", *asked, "--batch-size", "1", "--format", "json")

    told = json.loads(capsys.readouterr().out)
    assert [(one["jobId"], one["rule"]) for one in told["swept"]] == [(wanted.id, "lease_lost")]
    assert told["dryRun"] is False


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--rule", "age"], "argument --rule: invalid choice: 'age'"),
        (["--older-than", "15"], "argument --older-than: '15' must be a whole number of seconds, minutes, hours or days"),
        (["--older-than", "-5m"], "argument --older-than: expected one argument"),
        (["--older-than", "99999999d"], "argument --older-than: '99999999d' is longer than 36500d"),
        (["--limit", "0"], "argument --limit: '0' must be a whole number, 1 or more"),
        (["--batch-size", "many"], "argument --batch-size: 'many' must be a whole number, 1 or more"),
        (["--format", "xml"], "argument --format: invalid choice: 'xml'"),
    ],
)
def test_options_that_can_not_be_are_refused_with_2_and_named(asked: list[str], said: str) -> None:
    refused = subprocess.run(
        [sys.executable, str(MANAGE), "sweep_stuck_jobs", *asked], capture_output=True, text=True, timeout=30, check=False
    )

    assert refused.returncode == 2
    assert said in refused.stderr


def test_a_database_that_is_away_is_an_error_and_not_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://nobody@127.0.0.1:9/none")
    monkeypatch.setenv("JOBSITE_DATABASE_PATIENCE_SECONDS", "0")

    def ended(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, str(MANAGE), command], capture_output=True, text=True, timeout=60, check=False)

    swept, checked = ended("sweep_stuck_jobs"), ended("check_stuck_jobs")
    assert (swept.returncode, "CommandError: The database did not answer" in swept.stderr) == (1, True), swept.stderr
    assert (checked.returncode, checked.stdout.startswith("STUCK JOBS UNKNOWN - the database did not answer")) == (3, True), checked
