"""manage.py configure_job_type, list_job_types."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs import pausing
from jobs.actors import Actor
from jobs.models import AuditEntry, JobType
from jobs.pausing import Subject
from tests.factories import JobFactory

pytestmark = pytest.mark.django_db
Capture = pytest.CaptureFixture[str]


def said(capsys: Capture, *words: str) -> str:
    call_command(*words)
    return capsys.readouterr().out


def configured(capsys: Capture, *words: str) -> str:
    return said(capsys, "configure_job_type", "report", *words, "--reason", "a slow service")


def test_what_is_named_changes_and_the_rest_stays(capsys: Capture) -> None:
    assert configured(capsys, "--max-attempts=5", "--retry-on=timeout,network", "--timeout=2h") == (
        "report: max-attempts 5, timeout 7200, retry-on network,timeout.\n"
    )
    assert configured(capsys, "--backoff-base=30s", "--backoff-cap=10m", "--concurrency-limit=2", "--max-attempts=default") == (
        "report: max-attempts default, backoff-base 30, backoff-cap 600, concurrency-limit 2.\n"
    )
    assert configured(capsys, "--retry-on=none") == "report: retry-on none.\n"
    assert configured(capsys, "--retry-on=none") == "report: that was so already.\n"

    told = JobType.objects.get(name="report")
    assert (told.max_attempts, told.timeout_seconds, told.backoff_base_seconds, told.backoff_cap_seconds) == (None, 7200, 30, 600)
    assert (told.retryable_categories, told.concurrency_limit) == ([], 2)
    entry = AuditEntry.objects.order_by("id").last()
    assert entry is not None
    assert (entry.action, entry.actor.endswith("(manage.py)"), entry.reason) == ("configure", True, "a slow service")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--max-attempts=0"], "--max-attempts: 0 is out of range: 1 to 1,000"),
        (["--max-attempts=many"], "--max-attempts: 'many' must be a whole number, or default"),
        (["--timeout=5"], "--timeout: '5' must be a whole number of seconds, minutes, hours or days"),
        (["--backoff-base=2d"], "--backoff-base: 172800 is out of range"),
        (["--backoff-cap=999999999d"], "--backoff-cap"),
        (["--retry-on=bad-luck"], "--retry-on: bad-luck: no such category. There are exit_code"),
        (["--concurrency-limit=-1"], "--concurrency-limit"),
        ([], "Nothing to change: name at least one of --max-attempts"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_option(capsys: Capture, words: list[str], named: str) -> None:
    with pytest.raises(CommandError, match=named):
        configured(capsys, *words)
    assert not JobType.objects.exists()


def test_a_type_that_none_can_be_is_refused() -> None:
    with pytest.raises(CommandError, match="TYPE: 'a type' can't be a type"):
        call_command("configure_job_type", "a type", "--max-attempts=2", "--reason=x")


def test_all_types_are_listed_with_what_was_said_of_them(capsys: Capture, staff: Actor) -> None:
    JobFactory(type="export")
    call_command("configure_job_type", "import", "--max-attempts=3", "--backoff-cap=1m", "--concurrency-limit=2", "--reason=x")
    JobFactory(type="import", status="running")
    pausing.pause(by=staff, reason="the importer is broken", subject=Subject.type("import"))
    capsys.readouterr()

    everywhere, limited = said(capsys, "list_job_types").splitlines()
    assert everywhere == "export  as every type"
    assert limited.startswith("import  3 attempts, pauses of 10 s, doubling to 60 s, 1 of 2 held  paused by anna since ")
    assert limited.endswith(": the importer is broken")
    listed: list[dict[str, Any]] = json.loads(said(capsys, "list_job_types", "--format=json"))
    assert [each["name"] for each in listed] == ["export", "import"]
    assert {**listed[0], "name": None} == dict.fromkeys(listed[0])
    assert (listed[1]["maxAttempts"], listed[1]["concurrencyLimit"], listed[1]["held"], listed[1]["timeoutSeconds"]) == (3, 2, 1, None)
    assert {key: listed[1]["pause"][key] for key in ("scope", "reason", "by")} == {
        "scope": "type",
        "reason": "the importer is broken",
        "by": "anna",
    }


def test_a_pause_of_the_site_stands_with_every_type(capsys: Capture, staff: Actor) -> None:
    JobFactory(type="export")
    pausing.pause(by=staff, reason="the database moves")

    assert "the database moves" in said(capsys, "list_job_types")
