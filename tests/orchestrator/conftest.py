"""The cast of the orchestrator's tests: a server that plays the contract, and real orchestrator processes."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.orchestrator.played_site import TOKEN, PlayedSite

REPOSITORY = Path(__file__).resolve().parents[2]

Orchestrator = subprocess.Popen[str]
StartOrchestrator = Callable[..., Orchestrator]


@pytest.fixture
def server() -> Iterator[PlayedSite]:
    with PlayedSite() as server:
        yield server


@pytest.fixture
def temporary_folder() -> Iterator[Path]:
    """A folder that every user can reach, which pytest's own is not; gone at the end."""
    with tempfile.TemporaryDirectory(prefix="orchestrator-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def start_orchestrator(server: PlayedSite, tmp_path: Path, temporary_folder: Path) -> Iterator[StartOrchestrator]:
    """Start `python -m orchestrator` with the given options; each is killed at the end. Its log is in `tmp_path / "log"`."""
    started: list[Orchestrator] = []

    def start(*options: str, python: str = sys.executable, **variables: str) -> Orchestrator:
        command = [python, "-m", "orchestrator", "--url", server.url, "--id", "local-1", "--wait", "1", *options]
        environment = {
            "PATH": os.environ["PATH"],
            "INTERNAL_API_KEY": TOKEN,
            "TMPDIR": str(temporary_folder),
            "PYTHONWARNINGS": "error",
            **variables,
        }
        with (tmp_path / "log").open("a") as log_file:
            orchestrator = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=log_file, text=True)
        started.append(orchestrator)
        return orchestrator

    yield start
    for orchestrator in started:
        if orchestrator.poll() is None:
            orchestrator.send_signal(signal.SIGKILL)
            orchestrator.wait()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False
