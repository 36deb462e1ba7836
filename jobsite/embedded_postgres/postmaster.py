"""The server process: spawned, watched until it is ready, signalled until it is gone. Knows no roles, no databases, no locks."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import IO

from jobsite.embedded_postgres.account import Account
from jobsite.embedded_postgres.errors import EmbeddedPostgresError
from jobsite.embedded_postgres.layout import SOCKET_NAME, Layout

_START_WITHIN_SECONDS = 120.0  # replaying the log after a crash counts in
_STOP_WITHIN_SECONDS = 10.0
_LARGEST_LOG = 8 * 1024 * 1024


class Postmaster:
    """The process that serves the cluster of a layout, whoever started it."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id; only of one that is listening.

        Raises:
            EmbeddedPostgresError: there is none.
        """
        lines = self._pid_file_lines()
        if not lines or not self.is_listening():
            raise EmbeddedPostgresError(f"No PostgreSQL runs in {self._layout.data_dir}.")
        return int(lines[0])

    def is_listening(self) -> bool:
        """Whether a server has our socket: nobody else can, the folder is its account's alone."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(2)
            try:
                probe.connect(str(self._layout.socket_folder / SOCKET_NAME))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except OSError as error:
                raise EmbeddedPostgresError(f"{self._layout.socket_folder} can't be reached: {error.strerror or error}.") from None
        return True

    def is_stopping(self) -> bool:
        return self._status() == "stopping"

    def start(self, programs: Path, *, account: Account, settings: dict[str, str], dies_with_us: bool) -> None:
        """Spawn it and wait until it takes connections.

        Raises:
            EmbeddedPostgresError: with what it said last.
        """
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = [programs / "postgres", "-D", "{here}", *words]
        deadline = time.monotonic() + _START_WITHIN_SECONDS
        while True:
            with self._log() as log:
                said_before = log.tell()
                try:
                    self._child = account.spawn(
                        command, inside=self._layout.cluster, output=log, dies_with_us=signal.SIGINT if dies_with_us else None
                    )
                except OSError as error:
                    raise EmbeddedPostgresError(f"PostgreSQL can't be started in {self._layout.cluster}: {error.strerror}.") from None
            if self.becomes_ready():
                return
            fault = self._last_fault(since=said_before)
            # After a kill -9 of the server its children need a moment to notice; until then a new one refuses.
            if "still in use" not in fault or time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"PostgreSQL does not start: {fault} ({self._layout.log})")
            time.sleep(0.1)

    def becomes_ready(self) -> bool:
        """Wait until it takes connections; False when it has ended instead.

        Raises:
            EmbeddedPostgresError: neither happens.
        """
        deadline = time.monotonic() + _START_WITHIN_SECONDS
        while time.monotonic() < deadline:
            listening = self.is_listening()
            if listening and self._status() == "ready":
                return True
            if not listening and not self._child_is_alive():
                return False
            time.sleep(0.01)
        raise EmbeddedPostgresError(f"PostgreSQL does not take connections after {_START_WITHIN_SECONDS:.0f} s, see {self._layout.log}.")

    def stop(self) -> None:
        """End it: fast, then at once, then by force. After either of the last two it recovers at the next start.

        Raises:
            EmbeddedPostgresError: it does not end.
        """
        if self.is_listening():
            pid = self.pid
            for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                os.kill(pid, how)
                if self.ends():
                    break
            else:
                raise EmbeddedPostgresError(f"PostgreSQL (process {pid}) does not stop.")
        if self._child:
            # It has left its socket already, or never came so far as to open it.
            if self._child_is_alive():
                self._child.send_signal(signal.SIGINT)
            self._child.wait()
            self._child = None

    def ends(self) -> bool:
        """Wait until nobody listens and its pid file is gone, or stale; False when it still serves after a while."""
        deadline = time.monotonic() + _STOP_WITHIN_SECONDS
        while self.is_listening() or self._child_is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def _log(self) -> IO[bytes]:
        log = self._layout.log
        try:
            if log.exists() and log.stat().st_size > _LARGEST_LOG:
                log.replace(log.with_suffix(".log.1"))
            descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise EmbeddedPostgresError(f"JOBSITE_DATA_DIR: {log} can't be written: {error.strerror}.") from None
        os.lseek(descriptor, 0, os.SEEK_END)
        return os.fdopen(descriptor, "ab")

    def _status(self) -> str:
        """What it says of itself in the last line of its pid file: starting, ready, stopping; or nothing."""
        lines = self._pid_file_lines()
        return lines[7].strip() if len(lines) > 7 else ""

    def _pid_file_lines(self) -> list[str]:
        try:
            return self._layout.pid_file.read_text().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise EmbeddedPostgresError(f"{self._layout.pid_file} can't be read: {error.strerror}.") from None

    def _child_is_alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def _last_fault(self, *, since: int) -> str:
        with self._layout.log.open("rb") as log:
            log.seek(since)
            lines = log.read().decode(errors="replace").splitlines()
        faults = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
        text = (faults or lines or ["it said nothing"])[-1]
        return text.rpartition("FATAL:")[2].rpartition("PANIC:")[2].strip()
