"""What the documentation says, taken from it as it stands: programs to run, answers to compare."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.postgres import API_KEY
from tests.server import REPOSITORY, Server

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
# Words that mean something to a program; other texts are examples of their kind.
_WORD = re.compile(r"[a-z_]+|[A-Z_]+")
# What depends on what ran before, and how long that took.
_OF_THE_DAY = {"id", "lagSeconds", "microseconds", "p50Microseconds", "p95Microseconds", "p99Microseconds", "stretches"}


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of every fenced block of a page, in order.

    Args:
        page: its path in the repository.
    """
    return _FENCE.findall((REPOSITORY / page).read_text())


def run_in_bash(script: str, *, against: Server, folder: Path) -> str:
    """What a script of the documentation prints, run as a reader would: nothing of it is replaced."""
    environment = {"PATH": os.environ["PATH"], "JOBSITE_URL": against.url, "INTERNAL_API_KEY": API_KEY, "no_proxy": "*"}
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return ended.stdout


def example(text: str) -> Any:
    """An answer as the documentation writes it, where … stands for more of the same."""
    text = re.sub(r"\{…\}", '{"…": null}', text)
    text = re.sub(r",\s*…\s*\}", ', "…": null}', text)
    return json.loads(re.sub(r",\s*…\s*\]", ', "…"]', text))


def assert_like(shown: Any, answer: Any, path: str = "answer") -> None:
    """The answer is as the example shows it: the same keys and types, the same numbers and words."""
    assert type(answer) is type(shown), f"{path}: {shown!r} is shown, {answer!r} was answered"
    if isinstance(shown, dict):
        named = shown.keys() - {"…"}
        assert named == answer.keys() or ("…" in shown and named < answer.keys()), (
            f"{path}: {sorted(named)} shown, {sorted(answer)} answered"
        )
        for key in named - _OF_THE_DAY:
            assert_like(shown[key], answer[key], f"{path}.{key}")
    elif isinstance(shown, list):
        items = [item for item in shown if item != "…"]
        assert len(items) == len(answer) or (len(items) < len(shown) and len(items) < len(answer)), f"{path}: {len(answer)} items answered"
        for place, item in enumerate(items):
            assert_like(item, answer[place], f"{path}[{place}]")
    elif isinstance(shown, str) and not _WORD.fullmatch(shown):
        assert bool(_TIME.fullmatch(shown)) == bool(_TIME.fullmatch(answer)), f"{path}: {shown!r} is shown, {answer!r} was answered"
    else:
        assert answer == shown, f"{path}: {shown!r} is shown, {answer!r} was answered"
