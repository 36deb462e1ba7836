"""Runs one script as a subprocess, and ends it: how a script is started, timed out, stopped and killed."""

import contextlib
import enum
import json
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from orchestrator.output import OutputReader, Progress
from orchestrator.scratch import ScriptFolder, User
from orchestrator.script import Script
from orchestrator.spool import Spool
from orchestrator.strays import kill_strays

log = logging.getLogger(__name__)

TERM_GRACE_SECONDS = 5.0
PIPE_GRACE_SECONDS = 2.0
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"

_LAUNCHER = Path(__file__).with_name("launch.py")


class Stop(enum.Enum):
    """Why a script is ended before it ends by itself; the later one is the stronger."""

    TIMEOUT = 1
    CANCEL = 2
    RELEASE = 3
    ABANDON = 4


# From SIGTERM to SIGKILL. A drain must fit into what a supervisor gives; an abandoned job may already be running elsewhere.
_GRACE_SECONDS = {Stop.TIMEOUT: TERM_GRACE_SECONDS, Stop.CANCEL: TERM_GRACE_SECONDS, Stop.RELEASE: 3.0, Stop.ABANDON: 0.0}


class StartFailed(Exception):
    """The script did not start; `category` says whose fault it was, as in the contract's section 5."""

    def __init__(self, message: str, *, category: str) -> None:
        super().__init__(message)
        self.category = category


@dataclass(frozen=True)
class Ending:
    """How a run ended: `returncode` is negative for a signal; `stop` says what ended it, None when it ended by itself."""

    returncode: int
    stop: Stop | None
    seconds: float


class Run:
    """One running script. The thread that makes it must also wait for it: the script dies with that thread (see launch.py)."""

    def __init__(
        self,
        script: Script,
        *,
        job_id: str,
        attempt: int,
        folder: ScriptFolder,
        user: User | None,
        spool: Spool,
        on_progress: Callable[[Progress], None],
    ) -> None:
        """Start the script.

        Raises:
            StartFailed: the interpreter is missing (configuration), or the system could not start a process (system).
        """
        self._folder = folder
        self._stop: Stop | None = None
        self._lock = threading.RLock()
        self._pidfd = -1
        self._started_at = time.monotonic()
        specification = {
            "command": [*script.language.command, str(folder.script_file)],
            "environment": _environment(script, job_id=job_id, attempt=attempt, folder=folder),
            "path": os.environ.get("PATH") or DEFAULT_PATH,
            "folder": str(folder.path),
            "user": [user.uid, user.gid] if user is not None else None,
            "parent": os.getpid(),
        }
        self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        try:
            self._launch(specification, spool=spool, on_progress=on_progress)
        except OSError as problem:
            self._close()
            raise StartFailed(f"can't start a process: {problem}", category="system") from problem

    def stop(self, reason: Stop) -> None:
        """Have the script ended; returns at once. A stronger reason replaces a weaker one. Thread-safe, also after the end."""
        with self._lock:
            if self._wake >= 0 and (self._stop is None or reason.value > self._stop.value):
                self._stop = reason
                os.eventfd_write(self._wake, 1)

    def kill(self) -> None:
        """Kill the whole process group at once."""
        self._signal_group(signal.SIGKILL)

    def wait(self, *, timeout_seconds: float) -> Ending:
        """Wait for the script's end, and bring it about when it is due. Leaves no process of the script's behind."""
        timeout_at = self._started_at + timeout_seconds
        kill_at = float("inf")
        obeyed: Stop | None = None
        while not self._ended_before(min(timeout_at, kill_at)):
            if time.monotonic() >= timeout_at:
                timeout_at = float("inf")
                self.stop(Stop.TIMEOUT)
            if time.monotonic() >= kill_at:
                kill_at = float("inf")
                self.kill()
            if self._stop is not None and self._stop is not obeyed:
                obeyed = self._stop
                kill_at = min(kill_at, time.monotonic() + _GRACE_SECONDS[obeyed])
                self._signal_group(signal.SIGTERM)
        # Not reaped yet: while the leader is a zombie its number is nobody else's, so the group's number still means this group.
        self.kill()
        returncode = self._process.wait()
        kill_strays(self._folder.input_file)
        seconds = time.monotonic() - self._started_at
        self._close()
        self.output.join(PIPE_GRACE_SECONDS)
        self.output.stop()
        return Ending(returncode, obeyed, seconds)

    def _launch(self, specification: Mapping[str, object], *, spool: Spool, on_progress: Callable[[Progress], None]) -> None:
        report_read, report_write = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - running what a job asks for is this program's purpose.
                [sys.executable, "-I", "-S", str(_LAUNCHER), str(report_write)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd="/",
                env={},
                pass_fds=[report_write],
                start_new_session=True,
            )
        except OSError:
            os.close(report_read)
            raise
        finally:
            os.close(report_write)
        self._pidfd = os.pidfd_open(self._process.pid)
        self.output = OutputReader(
            stdout=_detach(self._process.stdout), stderr=_detach(self._process.stderr), spool=spool, on_progress=on_progress
        )
        self.output.start()
        with contextlib.suppress(BrokenPipeError), open(_detach(self._process.stdin), "wb") as specification_pipe:
            specification_pipe.write(json.dumps(specification).encode())
        with open(report_read, "rb") as report_pipe:
            report = report_pipe.read()
        if report:
            self.wait(timeout_seconds=TERM_GRACE_SECONDS)
            problem = json.loads(report)
            raise StartFailed(problem["message"], category=problem["category"])

    def _ended_before(self, moment: float) -> bool:
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        left = moment - time.monotonic()
        ready = [fd for fd, _ in poll.poll(None if left == float("inf") else max(0.0, min(left, 86_400.0)) * 1000)]
        if self._wake in ready:
            os.eventfd_read(self._wake)
        return self._pidfd in ready

    def _signal_group(self, number: int) -> None:
        with self._lock:
            if self._pidfd < 0:
                return
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                pass  # All of it has ended.
            except PermissionError:
                log.warning("process group %d has a process of another user's, which can't be ended", self._process.pid)

    def _close(self) -> None:
        with self._lock:
            for descriptor in {self._pidfd, self._wake} - {-1}:
                os.close(descriptor)
            self._pidfd = self._wake = -1


def _environment(script: Script, *, job_id: str, attempt: int, folder: ScriptFolder) -> dict[str, str]:
    # Nothing is inherited: what this process has in its environment, the token above all, is no business of a job's.
    return {
        "PATH": os.environ.get("PATH") or DEFAULT_PATH,
        "LANG": os.environ.get("LANG") or "C.UTF-8",
        "HOME": str(folder.path),
        "TMPDIR": str(folder.path),
        **script.environment,
        "JOBSITE_JOB_ID": job_id,
        "JOBSITE_ATTEMPT": str(attempt),
        "JOBSITE_INPUT": str(folder.input_file),
    }


def _detach(pipe: IO[bytes] | None) -> int:
    if pipe is None:
        raise AssertionError("a pipe was asked for")
    descriptor = os.dup(pipe.fileno())
    pipe.close()
    return descriptor
