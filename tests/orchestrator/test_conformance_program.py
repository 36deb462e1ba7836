"""The conformance kit as a program: what it is told, what it prints, how it ends."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.conformance.rules import RULES
from tests.orchestrator.conftest import REPOSITORY

KIT = [sys.executable, "-m", "orchestrator.conformance"]
BUGGY = [sys.executable, "-m", "tests.orchestrator.buggy.sends_no_token"]
QUICK = "sends-lease-token"


def test_a_broken_rule_is_told_with_what_was_expected_seen_and_mends_it() -> None:
    ended = _ended(*KIT, "--rule", QUICK, "--exec", *BUGGY)
    told = re.sub(r"\d+\.\d s|in \d+ s", "#", ended.stdout)
    assert told == (
        "small-1, held against the orchestrator contract:\n"
        "\n"
        "  FAIL      sends-lease-token\n"
        "            expected  Send the lease token with every report, and beside every job that a heartbeat names.\n"
        "            seen      PUT /jobs/job_0000/status at # carried no lease token\n"
        "                      POST /jobs/job_0000/complete at # carried no lease token\n"
        "                      PUT /jobs/job_0001/status at # carried no lease token\n"
        "                      and 1 more like these\n"
        "            mend      Keep lease.token of the claim's answer; send it as X-Lease-Token, and as leaseToken in heartbeats\n"
        "                      and batches.\n"
        "            contract  section 1\n"
        "\n"
        "1 rule #: 1 broken.\n"
    )
    assert (ended.returncode, ended.stderr) == (1, "")


def test_it_waits_for_an_orchestrator_that_somebody_else_starts(tmp_path: Path) -> None:
    kit = subprocess.Popen([*KIT, "--rule", QUICK, "drains-on-sigterm"], cwd=REPOSITORY, stdout=-1, stderr=-1, text=True)
    assert kit.stderr is not None
    waiting = re.fullmatch(r"Waiting for an orchestrator at (http://127\.0\.0\.1:\d+)\n", kit.stderr.readline())
    assert waiting
    environment = {"PATH": os.environ["PATH"], "JOBSITE_URL": waiting[1], "JOBSITE_TOKEN": "the-first-token-that-it-is-sent"}
    with subprocess.Popen([sys.executable, "-m", "tests.orchestrator.buggy.correct"], cwd=REPOSITORY, env=environment) as orchestrator:
        told, _ = kit.communicate(timeout=60)
        orchestrator.kill()
    assert "  pass      sends-lease-token\n" in told
    assert "  n/a       drains-on-sigterm  the kit did not start the orchestrator; with --exec it can stop it\n" in told
    assert kit.returncode == 0


def test_the_list_says_of_every_rule_what_it_demands_and_what_provokes_it() -> None:
    ended = _ended(*KIT, "--list")
    words = " ".join(ended.stdout.split())
    assert re.findall(r"^([a-z-]+)  \(contract, section \d\)$", ended.stdout, re.MULTILINE) == [rule.id for rule in RULES]
    assert all(rule.demand in words and all(scenario.happens in words for scenario in rule.scenarios) for rule in RULES)
    assert ended.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rule", "be-nice"], "no such rule: be-nice; --list names them"),
        (["--listen", "a-port"], "'a-port' is no port from 0 to 65535"),
        (["--payload-ok", "{"], "'{' is not JSON"),
        (["--seconds", "0"], "'0' must be a number of seconds from 1 to 3600"),
        (["--connect-seconds", "1"], "No orchestrator has said anything, so nothing can be judged."),
        (["--exec", "/no/such/program"], "Can't begin: [Errno 2] No such file or directory: '/no/such/program'"),
        (["--exec", "false"], "No orchestrator has said anything, so nothing can be judged. --log keeps what it wrote."),
    ],
)
def test_what_can_not_be_judged_ends_with_2_and_says_why(arguments: list[str], words: str) -> None:
    ended = _ended(*KIT, *arguments)
    assert (ended.returncode, ended.stdout, words in ended.stderr) == (2, "", True), ended


def _ended(*command: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "no_proxy": "*"}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=100)
