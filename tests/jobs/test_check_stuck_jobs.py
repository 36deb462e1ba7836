"""What a monitor is told of stuck jobs: one line, its numbers, and an exit code."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from jobs import leases
from jobs.alerts import alerts
from jobs.leases import Pulse
from jobs.models import Job, Orchestrator
from tests.factories import HOLDER, JobFactory
from tests.jobs.outage import overdue, running

pytestmark = pytest.mark.django_db
LINE = re.compile(r"STUCK JOBS (\w+) - ([^|\n]+) \| (\S+=\S+(?: \S+=\S+)*)\n")


def lost(count: int, *, seconds: int = 1) -> None:
    for _ in range(count):
        job = JobFactory(status="running")
        Job.objects.filter(id=job.id).update(lease_expires_at=datetime.now(UTC) - timedelta(seconds=seconds))


def check(capsys: pytest.CaptureFixture[str], *options: object) -> tuple[int, str, str, dict[str, str]]:
    """The exit code, the word, what is said and the figures."""
    with pytest.raises(SystemExit) as ended:
        call_command("check_stuck_jobs", *map(str, options))
    line = LINE.fullmatch(capsys.readouterr().out)
    assert line is not None
    assert isinstance(ended.value.code, int)
    return ended.value.code, line[1], line[2], dict(figure.split("=") for figure in line[3].split())


@pytest.mark.parametrize(("count", "code", "word"), [(0, 0, "OK"), (1, 0, "OK"), (2, 1, "WARNING"), (3, 1, "WARNING"), (4, 2, "CRITICAL")])
def test_so_many_or_more_are_worth_a_warning_or_are_critical(count: int, code: int, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    lost(count)
    JobFactory(status="running")
    told = check(capsys, "--warning", 2, "--critical", 4)

    assert told[:2] == (code, word)
    assert (told[3]["stuck"], told[3]["lease_lost"]) == (f"{count};2;4;0", f"{count};;;0")


def test_it_says_by_which_rules_and_for_how_long_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    lost(2, seconds=250)
    claimed = JobFactory(status="claimed")
    Job.objects.filter(id=claimed.id).update(lease_expires_at=datetime.now(UTC))
    before = list(Job.objects.order_by("id").values())
    _, _, says, figures = check(capsys)

    assert says == "3 stuck: 1 unacknowledged, 2 lease_lost; the first for 250 s"
    assert (figures["oldest"], figures["timeout"]) == ("250s;;;0", "0;;;0")
    assert list(Job.objects.order_by("id").values()) == before


def test_it_counts_what_the_brake_keeps_and_says_that_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    running(2, expired=2)
    overdue("web")
    _, _, says, figures = check(capsys)

    assert figures["stuck"].startswith("2;")
    assert says.endswith("; the brake holds: the web server is away")


def test_it_can_be_narrowed_like_a_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    lost(2, seconds=90)
    lost(1)

    assert check(capsys, "--older-than", "1m")[3]["stuck"] == "2;10;100;0"
    assert check(capsys, "--rule", "timeout")[3].keys() == {"stuck", "oldest", "timeout"}


def silent(seconds: int) -> Job:
    """A job held under a live lease by an orchestrator that was not heard of for so long."""
    job = JobFactory(status="running")
    leases.heartbeat(Pulse(named=[{"job_id": job.id}]), by=HOLDER)
    past = datetime.now(UTC) - timedelta(seconds=seconds)
    Orchestrator.objects.update(last_seen_at=past)
    Job.objects.filter(id=job.id).update(claimed_at=past, started_at=past)
    return job


def test_an_orchestrator_that_holds_jobs_and_is_silent_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    job = silent(301)
    (alert,) = alerts()

    assert (alert.rule, alert.subject, alert.jobs) == ("orchestrator_offline", "orch-1", 1)
    code, _, says, _ = check(capsys, "--warning", 1)
    assert (code, says) == (1, "1 stuck: 1 orchestrator_offline; the first for 301 s")
    call_command("sweep_stuck_jobs")
    assert "orchestrator_offline: orch-1 was last heard of at " in capsys.readouterr().out
    assert Job.objects.get(id=job.id).status == "running", "nothing is changed by age"


@pytest.mark.parametrize("report", ["progress", "heartbeat"])
def test_one_that_reports_is_not_silent(report: str) -> None:
    job = silent(301)
    if report == "heartbeat":
        leases.heartbeat(Pulse(), by=HOLDER)
    else:
        Job.objects.filter(id=job.id).update(progress_at=datetime.now(UTC))

    assert alerts() == []


def test_one_that_holds_nothing_may_be_silent() -> None:
    job = silent(301)
    Job.objects.filter(id=job.id).update(lease_expires_at=datetime.now(UTC))

    assert alerts() == [], "its lease ran out: that is for the sweep"


def test_jobs_that_nobody_takes_are_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    past = datetime.now(UTC) - timedelta(seconds=601)
    for _ in range(3):
        job = JobFactory(type="rare")
        Job.objects.filter(id=job.id).update(created_at=past, scheduled_for=past)
    (alert,) = alerts()

    assert (alert.rule, alert.subject, alert.jobs) == ("unroutable", "type rare", 3)
    assert check(capsys, "--warning", 3)[:3] == (1, "WARNING", "3 stuck: 3 unroutable; the first for 601 s")
    assert check(capsys, "--rule", "unroutable", "--older-than", "11m")[3]["stuck"] == "0;10;100;0"
    call_command("sweep_stuck_jobs")
    assert "unroutable: no live orchestrator takes type rare: 3 jobs wait since " in capsys.readouterr().out
    assert Job.objects.filter(status="queued").count() == 3


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["--warning", "0"], "argument --warning: '0' must be a whole number, 1 or more"),
        (["--warning", "5", "--critical", "4"], "--warning must not be more than --critical"),
        (["--rule", "age"], "argument --rule: invalid choice"),
    ],
)
def test_asked_wrongly_it_is_unknown_and_not_critical(asked: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("check_stuck_jobs", *asked)

    assert ended.value.code == 3
    assert capsys.readouterr().out.startswith(f"STUCK JOBS UNKNOWN - {why}")
