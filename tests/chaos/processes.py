"""Programs of ours as processes of their own, and what the kernel knows of those they start."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from jobsite.death_signal import on_our_death
from tests.postgres import API_KEY
from tests.server import REPOSITORY


@contextmanager
def running(*arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Python with these arguments in the checkout; killed at the end if it still runs. Its output goes to stderr then.

    Args:
        environment: all of it; None for ours.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=on_our_death(signal.SIGTERM),
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            output.seek(0)
            sys.stderr.write(output.read().decode(errors="replace"))


@contextmanager
def environment_of_orchestrators(url: str) -> Iterator[dict[str, str]]:
    """What `python -m orchestrator` is to find around it, with a temporary folder that the user whom its scripts run as can reach; pytest's
    own it can't. What is left of its scripts at the end is killed.

    Args:
        url: of the server.
    """
    with tempfile.TemporaryDirectory(prefix="jobsite-chaos-") as folder:
        Path(folder).chmod(0o711)
        yield {"PATH": os.environ["PATH"], "JOBSITE_URL": url, "INTERNAL_API_KEY": API_KEY, "TMPDIR": folder}
        for pid in pids_with(f"JOBSITE_INPUT={folder}"):
            os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids_with(setting: str) -> list[int]:
    """The processes with a variable in their environment that begins like this (`NAME=value`), as far as we may look."""
    folders = [folder for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [int(folder.name) for folder in folders if any(each.startswith(setting) for each in _environment(folder))]


def _environment(folder: Path) -> list[str]:
    try:
        return (folder / "environ").read_text(errors="replace").split("\0")
    except OSError:
        # It has ended, or is somebody else's.
        return []
