"""The conformance kit tells a correct orchestrator from one with a bug, and names the bug."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from orchestrator.conformance.rules import RULES
from tests.acceptance.pages import blocks
from tests.orchestrator.conftest import REPOSITORY

Verdicts = Mapping[str, Any]

REFERENCE = ["-m", "orchestrator", "--drain-seconds", "1"]
# What the program of docs/orchestrators.md runs.
COMMANDS = [
    *("--type", "command", "--payload-ok", '{"command": ["true"]}'),
    *("--payload-fail", '{"command": ["false"]}', "--payload-slow", '{"command": ["sleep", "120"]}'),
]
# The rule that each bug breaks.
BUGS = {
    "sends_no_token": "sends-lease-token",
    "ignores_cancel": "obeys-a-cancel",
    "breaks_on_a_replay": "takes-a-replay-for-done",
    "never_restamps": "stamps-each-try",
}


@pytest.fixture(scope="module")
def verdicts() -> Mapping[str, Verdicts]:
    """What the kit says of each orchestrator; played to all of them at once, since most of it is waiting."""
    programs = {"reference": REFERENCE} | {name: ["-m", f"tests.orchestrator.buggy.{name}"] for name in ("correct", *BUGS)}
    with tempfile.TemporaryDirectory(prefix="conformance-test-") as folder, ThreadPoolExecutor(len(programs) + 1) as pool:
        Path(folder).chmod(0o711)  # Scripts run as another user, who must reach it.
        played = {name: pool.submit(_played, program, Path(folder)) for name, program in programs.items()}
        page = Path(folder, "small.py")
        page.write_text(next(text for language, text in blocks("docs/orchestrators.md") if language == "python"))
        played["page"] = pool.submit(_played, [str(page)], Path(folder), *COMMANDS)
        return {name: each.result() for name, each in played.items()}


def test_the_reference_orchestrator_keeps_every_rule(verdicts: Mapping[str, Verdicts]) -> None:
    told = verdicts["reference"]
    assert {rule["id"]: rule for rule in told["rules"] if rule["verdict"] != "pass"} == {}
    assert [rule["id"] for rule in told["rules"]] == [rule.id for rule in RULES]
    assert (told["orchestratorId"], told["passed"], told["exitCode"]) == ("local-1", True, 0)


def test_the_program_of_the_page_keeps_every_rule_that_is_about_it(verdicts: Mapping[str, Verdicts]) -> None:
    told = verdicts["page"]
    assert _not_kept(told) == {}
    assert [rule["id"] for rule in told["rules"] if rule["verdict"] == "n/a"] == ["reports-both-streams", "numbers-its-log-lines"]


def test_a_correct_orchestrator_without_log_lines_keeps_every_other_rule(verdicts: Mapping[str, Verdicts]) -> None:
    told = verdicts["correct"]
    assert _not_kept(told) == {}
    assert [rule["id"] for rule in told["rules"] if rule["verdict"] == "n/a"] == ["numbers-its-log-lines"]
    assert (told["orchestratorId"], told["passed"], told["exitCode"]) == ("small-1", True, 0)


@pytest.mark.parametrize(("bug", "rule"), BUGS.items())
def test_an_orchestrator_with_one_bug_breaks_exactly_its_rule(bug: str, rule: str, verdicts: Mapping[str, Verdicts]) -> None:
    told = verdicts[bug]
    assert {broken: verdict for broken, (verdict, _) in _not_kept(told).items()} == {rule: "fail"}, _not_kept(told)
    assert all(" at " in evidence or evidence.startswith(("job_", "and ")) for evidence in _not_kept(told)[rule][1])
    assert (told["passed"], told["exitCode"]) == (False, 1)


def _played(program: list[str], folder: Path, *options: str) -> Verdicts:
    command = [sys.executable, "-m", "orchestrator.conformance", "--format", "json", "--seconds", "8"]
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(folder), "no_proxy": "*"}
    ended = subprocess.run(
        [*command, *options, "--exec", sys.executable, *program],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ended.returncode in (0, 1), ended.stderr
    return {**json.loads(ended.stdout), "exitCode": ended.returncode}


def _not_kept(told: Verdicts) -> dict[str, tuple[str, list[str]]]:
    return {rule["id"]: (rule["verdict"], rule["seen"]) for rule in told["rules"] if rule["verdict"] in ("fail", "not seen")}
