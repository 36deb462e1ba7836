"""The check of the demo finds every kind of fact that is other than it should be."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now

from jobs.actors import Actor, Holder
from jobs.claiming import claim
from jobs.demo import staging
from jobs.demo.scenarios import SCENARIOS, TYPE, Scenario
from jobs.lifecycle import Status
from jobs.models import Job
from jobs.outcomes import Report
from jobs.sweeps import sweep
from tests.server import running_server

HOST = Holder.of("local-1")


@pytest.fixture
def finished_set(db: None) -> dict[str, Job]:
    """The demo, played through by the verbs as its scripts would have it."""
    staging.enqueue_set()
    jobs = staging.demo_jobs()
    Job.objects.filter(due=False, status="queued").update(due=True)
    for scenario in SCENARIOS:
        job = jobs[scenario.key]
        if scenario.script is None:
            job.start(by=Holder.of(staging.CONTAINER_HOST))
            job.fail(Report(error={"type": "container", "message": scenario.error}, exit_code=125), by=Holder.of(staging.CONTAINER_HOST))
    while claimed := claim(by=HOST, batch_size=500, job_types=[TYPE]).jobs:
        for job in claimed:
            _play(job, next(scenario for scenario in SCENARIOS if scenario.key == job.metadata["demo"]))
        Job.objects.filter(due=False, status="queued").update(due=True)
    _shift_times(jobs)
    return staging.demo_jobs()


def _play(job: Job, scenario: Scenario) -> None:
    job.acknowledge(by=HOST)
    job.start(by=HOST)
    if scenario.status == Status.CANCELLED:
        job.cancel(by=staging.PRODUCER)
        job.cancel(by=HOST)
    elif scenario.status == Status.FAILED or job.attempts < scenario.attempts:
        said = scenario.error or "busy"
        missing = scenario.needs is not None and shutil.which(scenario.needs) is None
        category = "configuration" if missing else scenario.category
        job.fail(Report(error=said, category=category, exit_code=scenario.exit_code, output=f"{scenario.output}"), by=HOST)
    else:
        job.complete(Report(exit_code=0, output={"stdout": scenario.output, "stderr": ""}), by=HOST)


def _shift_times(jobs: dict[str, Job]) -> None:
    """Lets the runs that take time have taken it: row and entries alike."""
    with past_every_guard() as cursor:
        cursor.execute("update audit_log set at = at - interval '60 seconds' where action in ('enqueue', 'claim', 'acknowledge', 'start')")
        cursor.execute("update audit_log set at = at - interval '60 seconds' where action = 'enqueue'")
        cursor.execute(
            "update jobs set created_at = created_at - interval '120 seconds', scheduled_for = scheduled_for - interval '120 seconds'"
        )
        cursor.execute("update jobs set claimed_at = claimed_at - interval '60 seconds', started_at = started_at - interval '60 seconds'")
        # The attempts of one job follow each other.
        key = jobs["third-time-lucky"].id
        began = "(select min(b.at) from audit_log b where b.job_id = a.job_id)"
        cursor.execute(f"update audit_log a set at = {began} + a.sequence * interval '10 seconds' where job_id = %s", [key])
        for column, action in (("claimed_at", "claim"), ("started_at", "start"), ("completed_at", "complete")):
            last = "(select max(at) from audit_log a where a.job_id = j.id and action = %s)"
            cursor.execute(f"update jobs j set {column} = {last} where id = %s", [action, key])


@contextmanager
def past_every_guard() -> Iterator[Any]:
    """As the owner of the tables could do it: the triggers are off, in this test's own transaction, which is rolled back."""
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        for table in ("jobs", "audit_log"):
            cursor.execute(f"alter table {table} disable trigger user")
        yield cursor
        for table in ("jobs", "audit_log"):
            cursor.execute(f"alter table {table} enable trigger user")


def outcome(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and output of the command."""
    code = 0
    try:
        call_command("check_demo_results")
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, capsys.readouterr().out


def test_all_is_well_when_all_is_well(finished_set: dict[str, Job], capsys: pytest.CaptureFixture[str]) -> None:
    code, text = outcome(capsys)

    assert code == 0, text
    assert f"All {len(SCENARIOS)} are as they should be." in text


def test_an_interrupted_demo_is_taken_up_and_ends_as_it_should(live_db: str, capsys: pytest.CaptureFixture[str]) -> None:
    staging.enqueue_set()
    # Everything was stopped before a part was played: the container host's claim ran out, the orchestrator gave its job back.
    Job.objects.filter(status="claimed").update(lease_expires_at=Now() - timedelta(seconds=1))
    sweep(by=Actor.sweep())
    begin_to_cancel().release(by=HOST)

    begin_to_cancel()
    with running_server(workers=1) as server:
        call_command("enqueue_demo_jobs", if_missing=True, url=server.url, patience=1)
    Job.objects.get(metadata__demo="cancelled").cancel(by=HOST)
    # Nothing is left to play, so nobody is asked.
    call_command("enqueue_demo_jobs", if_missing=True, url="http://127.0.0.1:9", patience=1)

    assert Job.objects.count() == len(SCENARIOS)
    _, text = outcome(capsys)
    for key, end in (("container", "failed"), ("cancelled", "cancelled")):
        assert re.search(rf"^ok +{key} +{end}.*given back once", text, flags=re.MULTILINE), text


def test_a_claim_that_ran_out_is_waited_for_until_a_sweep_gives_it_back(live_db: str, capsys: pytest.CaptureFixture[str]) -> None:
    container = staging.enqueue_set()["container"]
    Job.objects.filter(id=container.id).update(lease_expires_at=Now() - timedelta(seconds=1))
    call_command("enqueue_demo_jobs", if_missing=True, url="http://127.0.0.1:9", patience=0)

    said = capsys.readouterr().out
    assert f"Job {container.id}, the container failure, could not be claimed again: is a sweeper running?" in said
    assert "so it was not cancelled: is an orchestrator running?" in said


def begin_to_cancel() -> Job:
    """Claims everything that is due and starts the job that the demo cancels."""
    (job,) = (job for job in claim(by=HOST, batch_size=500, job_types=[TYPE]).jobs if job.metadata["demo"] == "cancelled")
    job.acknowledge(by=HOST)
    job.start(by=HOST)
    return job


def test_without_demo_jobs_every_one_is_missing(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = outcome(capsys)

    assert code == 1
    assert text.count("there is no such job") == len(SCENARIOS)


@pytest.mark.parametrize(
    ("fact", "key", "tampering"),
    [
        ("status: failed, should be completed", "success", "update jobs set status = 'failed' where id = %s"),
        ("exit code: 4, should be 1", "failure", "update jobs set exit_code = 4 where id = %s"),
        ("error: 'all fine' does not say 'line 17'", "failure", "update jobs set last_error = 'all fine' where id = %s"),
        ("error: the result does not hold it whole", "failure", "update jobs set result = result - 'error' where id = %s"),
        ("error: 'x', there should be none", "success", "update jobs set last_error = 'x' where id = %s"),
        ("category: network, should be signal", "killed", "update jobs set error_category = 'network' where id = %s"),
        ("output: 'out 3' is not in it", "mixed-output", "update jobs set result = result - 'output' where id = %s"),
        ("failed attempts: 1, should be 2", "third-time-lucky", "update jobs set attempts = 1 where id = %s"),
        ("error history: 1 earlier attempts", "third-time-lucky", "delete from attempts where number = 2 and job_id = %s"),
        ("audit entries: sequences", "success", "delete from audit_log where action = 'acknowledge' and job_id = %s"),
        (
            "audit entry 4: from claimed, but the job was running",
            "success",
            "update audit_log set from_status = 'claimed' where sequence = 4 and job_id = %s",
        ),
        (
            "audit entries end failed, but the job is completed",
            "success",
            "update audit_log set to_status = 'failed' where sequence = 4 and job_id = %s",
        ),
        (
            "duration: the audit entries are not in the order of time",
            "success",
            "update audit_log set at = at + interval '1 day' where sequence = 1 and job_id = %s",
        ),
        ("duration: started at", "success", "update jobs set started_at = started_at + interval '1 second' where id = %s"),
        ("duration: completed at", "success", "update jobs set completed_at = completed_at + interval '1 second' where id = %s"),
    ],
)
def test_a_fact_that_is_other_than_it_should_be_is_named(
    finished_set: dict[str, Job], capsys: pytest.CaptureFixture[str], fact: str, key: str, tampering: str
) -> None:
    with past_every_guard() as cursor:
        cursor.execute(tampering, [finished_set[key].id])
    code, text = outcome(capsys)

    assert code == 1
    assert fact in text


@pytest.mark.parametrize(
    ("key", "ran", "fact"), [("long-run", 1, "duration: ran 1.0 s, should be at least 6 s"), ("timeout", 0, "duration: ran 0.0 s")]
)
def test_a_run_that_was_too_short_is_named(
    finished_set: dict[str, Job], capsys: pytest.CaptureFixture[str], key: str, ran: int, fact: str
) -> None:
    job = finished_set[key]
    assert job.started_at is not None
    with past_every_guard() as cursor:
        cursor.execute("update jobs set completed_at = %s where id = %s", [job.started_at + timedelta(seconds=ran), job.id])
    code, text = outcome(capsys)

    assert code == 1
    assert fact in text
