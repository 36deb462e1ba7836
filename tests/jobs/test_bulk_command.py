"""manage.py bulk: what operators type when a thousand jobs want the same."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs import bulk
from jobs.models import AuditEntry, BulkOperation, Job
from tests.factories import STAFF, JobFactory

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


@pytest.fixture
def failed(db: None) -> list[Job]:
    return [JobFactory(status="failed", type="report") for _ in range(3)]


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("bulk", *arguments, stdout=out)
    return out.getvalue()


def test_a_dry_run_says_so_first_and_last_and_makes_nothing(failed: list[Job]) -> None:
    JobFactory(status="completed", type="report")
    lines = said("retry", "--filter", "type=report", "--dry-run").splitlines()

    assert (lines[0], lines[1], lines[-1]) == ("dry run", "4 jobs: type is report", "dry run")
    assert {"  would change: 3", "  failed: 3", "  completed: 1", "  type report: 4"} <= set(lines)
    assert f"  e.g. {failed[-1].id}  failed  report" in lines
    assert not BulkOperation.objects.exists()


def test_confirmed_it_is_left_to_the_sweep_loop(failed: list[Job]) -> None:
    told = said("retry", "--filter", "status=failed", "--filter", "status=cancelled", "--reason", "disk", "--yes")

    operation = BulkOperation.objects.get()
    assert told.splitlines()[-1] == f"{operation.id} with 3 jobs: the sweep loop carries it out."
    assert (operation.state, operation.selection) == ("running", "status is failed or cancelled")
    assert (operation.confirmed_by or "").endswith("(manage.py)")
    assert Job.objects.filter(status="failed").count() == 3


def test_with_wait_it_is_done_here(failed: list[Job]) -> None:
    told = said("retry", "--filter", "status=failed", "--reason", "the disk is mended", "--yes", "--wait")

    operation = BulkOperation.objects.get()
    assert told.splitlines()[-1] == f"{operation.id} is done: 3 changed, 0 skipped, 0 failed, 0 pending, of 3."
    assert set(AuditEntry.objects.filter(request_id=operation.id).values_list("reason", flat=True)) == {"the disk is mended"}


def test_ids_come_from_a_file(failed: list[Job], tmp_path: Path) -> None:
    (tmp_path / "ids").write_text(f"{failed[0].id}\n{failed[1].id}\njob_gone\n")
    told = said("edit", "--ids-from", str(tmp_path / "ids"), "--priority", "90", "--reason", "x", "--yes", "--wait")

    assert "3 jobs: 3 by their ids" not in told
    assert "2 jobs: 3 by their ids" in told
    assert told.splitlines()[-1].endswith("0 changed, 3 skipped, 0 failed, 0 pending, of 3.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["retry", "--filter", "status=failed"], "Say why"),
        (["retry", "--filter", "status=failed", "--reason", " "], "Say why"),
        (["retry", "--filter", "status=lost", "--reason", "x", "--yes"], "status: "),
        (["edit", "--filter", "status=queued", "--reason", "x", "--yes"], "edit needs priority"),
        (["retry", "--filter", "status=failed", "--priority", "3", "--reason", "x", "--yes"], "retry takes no priority"),
        (["retry", "--ids-from", "/nowhere", "--reason", "x", "--yes"], "--ids-from: "),
        (["retry", "--ids-from", str(MANAGE), "--reason", "x", "--yes"], "is no id of a job"),
        (["retry", "--filter", "status=failed", "--reason", "x"], "nobody to ask"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_done(db: None, arguments: list[str], words: str) -> None:
    JobFactory(status="failed")
    with pytest.raises(CommandError, match=words):
        said(*arguments)
    assert not BulkOperation.objects.exclude(state="stopped").exists()


@pytest.mark.parametrize(
    ("option", "value"), [("--filter", "colour=red"), ("--filter", "status"), ("--priority", "101"), ("--priority", "-1")]
)
def test_a_value_that_is_none_names_its_option_and_ends_with_2(option: str, value: str) -> None:
    which = [] if option == "--filter" else ["--ids-from", "-"]
    refused = subprocess.run(
        [sys.executable, str(MANAGE), "bulk", "edit", *which, f"{option}={value}"], capture_output=True, text=True, timeout=60
    )

    assert refused.returncode == 2
    assert f"argument {option}: {value!r} must be" in refused.stderr


@pytest.mark.parametrize(("answer", "state"), [("y\n", "running"), ("n\n", "stopped"), ("\n", "stopped")])
def test_it_asks_whoever_sits_there(failed: list[Job], answer: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal(answer))
    arguments: Any = ("retry", "--filter", "status=failed", "--reason", "x")
    if state == "running":
        assert "retry? [y/N]" in said(*arguments)
    else:
        with pytest.raises(CommandError, match="Nothing was done"):
            said(*arguments)
    assert BulkOperation.objects.get().state == state


@pytest.mark.parametrize("gone", [False, True])
def test_what_is_over_by_the_time_it_is_agreed_to_is_told(failed: list[Job], gone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended_meanwhile(terminal: _Terminal) -> str:
        operation = BulkOperation.objects.get()
        if gone:
            operation.delete()
        else:
            bulk.stop(operation.id, by=STAFF)
        return "y\n"

    monkeypatch.setattr(sys, "stdin", _Terminal())
    monkeypatch.setattr(_Terminal, "readline", ended_meanwhile)
    with pytest.raises(CommandError, match="was not confirmed in time" if gone else "is stopped: confirm is not possible"):
        said("retry", "--filter", "status=failed", "--reason", "x")
    assert Job.objects.filter(status="failed").count() == 3


def test_declined_when_it_is_over_already_nothing_was_done(failed: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    def forgotten_meanwhile(terminal: _Terminal) -> str:
        BulkOperation.objects.all().delete()
        return "n\n"

    monkeypatch.setattr(sys, "stdin", _Terminal())
    monkeypatch.setattr(_Terminal, "readline", forgotten_meanwhile)
    with pytest.raises(CommandError, match="Nothing was done"):
        said("retry", "--filter", "status=failed", "--reason", "x")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
