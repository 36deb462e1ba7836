"""The orchestrator of docs/orchestrators.md, run as it stands against a real server."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orchestrator.conformance.rules import RULES
from tests.acceptance.pages import blocks
from tests.postgres import API_KEY
from tests.server import REPOSITORY, Server, running_server

_PATIENCE_SECONDS = 30.0


def test_the_program_runs_reports_obeys_a_cancel_and_stops_when_told(live_db: str, tmp_path: Path) -> None:
    with running_server(workers=1, environment={"JOBSITE_HEARTBEAT_LEASE_SECONDS": "3"}) as server, _program(server, tmp_path) as program:
        good, bad, endless = _enqueue(server, ["echo", "128 rows"], ["sh", "-c", "echo oops >&2; exit 3"], ["sleep", "600"])
        _until(lambda: _job(server, endless)["status"] == "running")
        _call(server, f"/jobs/{endless}/cancel", {})
        _until(lambda: _job(server, endless)["status"] == "cancelled")
        program.send_signal(signal.SIGTERM)

        assert program.wait(_PATIENCE_SECONDS) == 0
        completed, failed = _job(server, good), _job(server, bad)
    assert (completed["status"], completed["exitCode"], completed["result"]["output"]["stdout"]) == ("completed", 0, "128 rows\n")
    assert (failed["status"], failed["exitCode"], failed["lastError"], failed["errorCategory"]) == ("failed", 3, "oops", "exit_code")


def test_the_program_has_about_sixty_lines_and_needs_only_the_standard_library() -> None:
    program = _text()
    imports = {
        name.strip() for line in program.splitlines() if line.startswith("import ") for name in line.removeprefix("import ").split(",")
    }

    assert len([line for line in program.splitlines() if line.strip()]) <= 65
    assert {name.partition(".")[0] for name in imports} <= sys.stdlib_module_names


def test_the_page_names_the_rules_of_the_kit_as_they_are() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \| (\d) \|$", (REPOSITORY / "docs/orchestrators.md").read_text(), re.MULTILINE)
    assert rows == [(rule.id, rule.demand, str(rule.section)) for rule in RULES]


def _text() -> str:
    ((_, program),) = [block for block in blocks("docs/orchestrators.md") if block[0] == "python"]
    return program


@contextmanager
def _program(server: Server, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    file = folder / "small.py"
    file.write_text(_text())
    environment = {"PATH": os.environ["PATH"], "JOBSITE_URL": server.url, "INTERNAL_API_KEY": API_KEY, "no_proxy": "*"}
    with subprocess.Popen([sys.executable, str(file)], cwd=folder, env=environment) as program:
        try:
            yield program
        finally:
            program.kill()


def _enqueue(server: Server, *commands: list[str]) -> list[str]:
    made = _call(server, "/jobs", [{"type": "command", "payload": {"command": command}} for command in commands])
    return [job["id"] for job in made["jobs"]]


def _job(server: Server, job_id: str) -> dict[str, Any]:
    job: dict[str, Any] = _call(server, f"/jobs/{job_id}")
    return job


def _call(server: Server, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}/api/internal{path}", content, headers)  # noqa: S310  our own server
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        return json.load(answer)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.1)
