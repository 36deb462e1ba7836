"""The commands that operators run."""

import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.models import AuditEntry, Job
from tests.factories import HOLDER, PRODUCER, JobFactory

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


def expired(count: int) -> list[Job]:
    jobs = [JobFactory(status="claimed") for _ in range(count)]
    Job.objects.filter(status="claimed").update(lease_expires_at=datetime.now(UTC) - timedelta(seconds=1))
    return jobs


@pytest.mark.django_db
def test_a_sweep_says_what_it_moved(capsys: pytest.CaptureFixture[str]) -> None:
    (job,) = expired(1)
    call_command("sweep_stuck_jobs")

    said = capsys.readouterr().out
    assert f"{job.id}  claimed -> queued  unacknowledged: orch-1 claimed it at " in said
    assert said.splitlines()[-1].startswith("1 swept, 0 came due")


@pytest.mark.django_db
def test_a_dry_run_says_so_first_and_last_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    (job,) = expired(1)
    before = AuditEntry.objects.count()
    call_command("sweep_stuck_jobs", dry_run=True)

    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[-1]) == ("dry run", "dry run")
    assert job.id in lines[1]
    assert (Job.objects.get(id=job.id).status, AuditEntry.objects.count()) == ("claimed", before)


@pytest.mark.django_db
def test_a_sweep_tells_machines_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = expired(3)
    call_command("sweep_stuck_jobs", format="json", limit=2)

    told = json.loads(capsys.readouterr().out)
    assert [one["jobId"] for one in told["swept"]] == [job.id for job in jobs[:2]]
    assert told["swept"][0].pop("reason").startswith("orch-1 claimed it at ")
    assert told["swept"][0] == {"jobId": jobs[0].id, "from": "claimed", "to": "queued", "rule": "unacknowledged"}


@pytest.mark.parametrize("interval", ["0", "-1", "0.05", "nan", "inf", "soon"])
def test_a_pause_that_would_be_none_is_refused(interval: str) -> None:
    command = [sys.executable, str(MANAGE), "sweep_stuck_jobs", "--loop", f"--interval={interval}"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=20)

    assert refused.returncode == 2
    assert f"--interval: {interval!r} must be a number of seconds, 0.1 or more" in refused.stderr


def test_a_loop_sweeps_again_and_again_until_sigterm(live_db: str) -> None:
    loop = subprocess.Popen(
        [sys.executable, str(MANAGE), "sweep_stuck_jobs", "--loop", "--interval", "0.2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for _ in range(2):
            (job,) = expired(1)
            _until(lambda job=job: Job.objects.get(id=job.id).status == "queued")
        loop.send_signal(signal.SIGTERM)
        said, _ = loop.communicate(timeout=10)
    finally:
        loop.kill()

    assert loop.returncode == 0, said
    assert said.count("1 swept") == 2


def test_sigterm_ends_a_loop_after_the_batch_it_is_in(live_db: str) -> None:
    enqueue([NewJob(type="work") for _ in range(1000)], by=PRODUCER)
    for _ in range(2):
        claim(by=HOLDER, batch_size=500)
    Job.objects.update(lease_expires_at=datetime.now(UTC))
    command = [sys.executable, str(MANAGE), "sweep_stuck_jobs", "--loop", "--interval", "60", "--batch-size", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as loop:
        _until(Job.objects.filter(status="queued").exists)
        loop.send_signal(signal.SIGTERM)
        said, _ = loop.communicate(timeout=20)

    swept = Job.objects.filter(status="queued").count()
    assert (loop.returncode, swept % 2) == (0, 0), said
    assert 0 < swept < 1000
    assert said.splitlines()[-1].startswith(f"{swept} swept")


def test_the_demo_can_not_be_staged_without_its_server(live_db: str) -> None:
    with pytest.raises(CommandError, match="Is the server running"):
        call_command("enqueue_demo_jobs", url="http://127.0.0.1:9", patience=0)


def _until(holds: object, seconds: float = 15) -> None:
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass in time"
        time.sleep(0.05)
