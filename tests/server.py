"""The real server for tests: gunicorn with the configuration we ship, on a free port, killed and restarted as a test likes."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from jobsite.death_signal import on_our_death

REPOSITORY = Path(__file__).resolve().parents[1]
_READY_WITHIN_SECONDS = 30.0
# As long as the configuration lets a worker finish what it does, and a little.
_STOP_WITHIN_SECONDS = 30.0


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        url: without a path.
        master: process id of gunicorn's master, which replaces workers that die.
        log: what gunicorn and the application said.
    """

    url: str
    master: int
    log: Path

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers there are now, the oldest first."""
        return children_of(self.master)


@contextmanager
def running_server(*, workers: int = 2, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server on the database that DATABASE_URL names, ready to answer; nothing of it is left afterwards.

    Its log goes to stderr at the end, where pytest shows it beside a failure.

    Args:
        workers: how many processes, each with the usual number of threads.
        environment: variables on top of ours, such as shorter leases.
    """
    with tempfile.TemporaryDirectory(prefix="jobsite-server-") as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        log = Path(folder, "gunicorn.log")
        master = _start(listener, log, {**os.environ, "WEB_CONCURRENCY": str(workers), **(environment or {})})
        try:
            server = Server(url=f"http://127.0.0.1:{listener.getsockname()[1]}", master=master.pid, log=log)
            # From here on the socket is the server's alone: what nobody serves is refused, as in life.
            listener.close()
            _wait_until_ready(server, master)
            yield server
            assert master.poll() is None, f"gunicorn ended by itself with {master.returncode}"
        finally:
            _stop(master)
            sys.stderr.write(log.read_text())


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and not yet buried; those of one thread in the order of their start."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for thread in threads for child in (thread / "children").read_text().split()]


def _start(listener: socket.socket, log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # An open socket instead of a port: between finding a free port and binding it, somebody else may.
    command = [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "--bind", f"fd://{listener.fileno()}"]
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[listener.fileno()],
            start_new_session=True,
            preexec_fn=on_our_death(signal.SIGTERM),
        )


def _wait_until_ready(server: Server, master: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_WITHIN_SECONDS
    while (said := _readiness(server)) != "ready":
        if master.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"gunicorn is not ready (exit code {master.returncode}): {said}")
        time.sleep(0.05)


def _readiness(server: Server) -> str:
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=_READY_WITHIN_SECONDS)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        said = response.read().decode()
        return "ready" if response.status == 200 else said
    except (OSError, HTTPException) as problem:
        return repr(problem)
    finally:
        connection.close()


def _stop(master: subprocess.Popen[bytes]) -> None:
    master.terminate()
    try:
        master.wait(_STOP_WITHIN_SECONDS)
    finally:
        # The master is the leader of its session: this reaches workers that it could not end.
        with suppress(ProcessLookupError):
            os.killpg(master.pid, signal.SIGKILL)
        master.wait()
