"""The orchestrator as a process of the kit's own, which can be told to stop."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Self


class Program:
    """A command, run with JOBSITE_URL and JOBSITE_TOKEN in its environment while entered as a context; killed at the end."""

    def __init__(self, command: Sequence[str], *, url: str, token: str, log: IO[bytes] | None) -> None:
        """Args: `log` takes what it writes to stdout and stderr; None throws it away."""
        self._command = list(command)
        # Both names: existing orchestrators of this protocol know the second.
        self._environment = {**os.environ, "JOBSITE_URL": url, "JOBSITE_TOKEN": token, "INTERNAL_API_KEY": token}
        self._log = log

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Start it, for the first time or after it has ended.

        Raises:
            OSError: there is no such program, or it can't be started.
        """
        output = self._log if self._log is not None else subprocess.DEVNULL
        self._process = subprocess.Popen(  # noqa: S603 - running what it is told to is this option's purpose.
            self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def terminate(self) -> None:
        """Ask it to stop, as a supervisor does."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> bool:
        """Whether it ends within so many seconds."""
        until = time.monotonic() + seconds
        while not self.has_ended and time.monotonic() < until:
            time.sleep(0.02)
        return self.has_ended
