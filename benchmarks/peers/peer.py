"""Drives another queue: fills it, sets its workers off together, and asks its own tables how long they took."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from benchmarks.peers import installing
from jobsite.death_signal import on_our_death

_LOOK_EACH_SECONDS = 0.1
_VARIABLES = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}


@dataclass(frozen=True)
class Peer:
    """A queue to compare with.

    Attributes:
        package: its name, by which its version is known.
        program: a file of this folder with the commands that __init__.py tells of.
        interpreter: installs it, and says what runs it.
        left: a query whether any job has not ended; asked often, so it must be cheap.
        ended: a query of how many jobs have ended well, when the first was claimed and when the last had ended, by the server's clock.
        keeps: what it writes down of each job, for people.
    """

    package: str
    program: str
    interpreter: Callable[[], str]
    left: str
    ended: str
    keeps: str

    @property
    def name(self) -> str:
        return f"{self.package} {installing.version_of(self.package)}"

    def jobs_per_second(self, url: str, *, processes: int, jobs: int) -> float:
        """How fast workers empty a queue, from the first claim to the last completion: starting the workers is not counted.

        Args:
            url: of a database that is this run's alone.

        Raises:
            CannotInstall: it can't be run here.
            RuntimeError: it does not do what it should.
        """
        command = [self.interpreter(), str(installing.FOLDER / self.program)]
        for words in (["setup"], ["enqueue", str(jobs)]):
            told = subprocess.run([*command, *words], env=_environment(url), capture_output=True, text=True, check=False)  # noqa: S603
            if told.returncode:
                raise RuntimeError(f"{self.name} {words[0]}: {told.stderr.strip()}")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("vacuum (analyze)")
            with _workers([*command, "work"], url, processes) as workers:
                while _value(connection, self.left):
                    if any(worker.poll() is not None for worker in workers):
                        raise RuntimeError(f"a worker of {self.name} ended before its work did")
                    time.sleep(_LOOK_EACH_SECONDS)
            done, first, last = connection.execute(self.ended.encode()).fetchone() or (0, None, None)
        if done != jobs:
            raise RuntimeError(f"{self.name} did {done} jobs of {jobs}")
        return float(jobs / (last - first).total_seconds())


def _environment(url: str) -> dict[str, str]:
    parts = conninfo_to_dict(url)
    return {**os.environ, **{variable: str(parts[name]) for name, variable in _VARIABLES.items() if name in parts}}


@contextmanager
def _workers(command: list[str], url: str, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Workers that all begin once each of them is ready."""
    workers = [
        subprocess.Popen(  # noqa: S603  our own programs
            command,
            env=_environment(url),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=on_our_death(signal.SIGKILL),
        )
        for _ in range(count)
    ]
    try:
        for worker in workers:
            if _pipe(worker.stdout).readline() != "ready\n":
                raise RuntimeError(f"{' '.join(command)} does not become ready")
        for worker in workers:
            _pipe(worker.stdin).write("go\n")
            _pipe(worker.stdin).flush()
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def _pipe(pipe: Any) -> Any:
    if pipe is None:
        raise RuntimeError("a worker was started without its pipes")
    return pipe


def _value(connection: psycopg.Connection[Any], query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None
