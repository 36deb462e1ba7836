"""The processes that the supervisor starts, each in a session of its own, so that Ctrl-C in the terminal reaches only the supervisor."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from jobsite.death_signal import on_our_death

_LARGEST_LOG = 8 * 1024 * 1024
_CALM_AFTER_SECONDS = 60.0


@dataclass(kw_only=True)
class Child:
    """One program that runs until it is stopped.

    Args:
        name: what people see, and the name of its log file.
        command: program and arguments.
        environment: all of its environment.
        log: where its output goes.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _started_at: float = field(default=0.0, init=False)
    _restarts: int = field(default=0, init=False)

    def start(self) -> None:
        self.log.parent.mkdir(mode=0o700, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=on_our_death(signal.SIGTERM),
            )
        self._started_at = time.monotonic()

    def exit_code(self) -> int | None:
        """None while it runs, or before it was started; negative for a signal."""
        if not self._process:
            return None
        # Looked at, not reaped: as long as it lies there its number is taken, so that _bury can't hit a stranger's group.
        end = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if end is None:
            return None
        return end.si_status if end.si_code == os.CLD_EXITED else -end.si_status

    def restart_when_due(self) -> bool:
        """Start it again after an unexpected end: at once after a calm minute, else 1, 2, 4 … 30 seconds after its last start.

        Returns:
            Whether it was started just now.
        """
        ran_for = time.monotonic() - self._started_at
        if ran_for > _CALM_AFTER_SECONDS:
            self._restarts = 0
        if ran_for < min(2**self._restarts, 30):
            return False
        self._restarts += 1
        self._bury()
        self.start()
        return True

    def ask_to_stop(self) -> None:
        if self._process:
            os.kill(self._process.pid, signal.SIGTERM)

    def stop(self, *, within_seconds: float) -> None:
        """Wait for its end after `ask_to_stop`; then kill it, if it must be, and whatever is left of its process group."""
        deadline = time.monotonic() + within_seconds
        while self._process and self.exit_code() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        self._bury()

    def last_words(self) -> str:
        """The last line of its log."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - 4096))
            lines = log.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def _bury(self) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
