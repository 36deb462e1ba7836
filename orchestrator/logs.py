"""Sends a script's output to the server as log lines while it is written."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from orchestrator.client import Client, Json, Refused, Unavailable, pause_before
from orchestrator.output import STDOUT
from orchestrator.spool import Line, Spool

log = logging.getLogger(__name__)

# A byte of output becomes at most six of JSON (a control character: \u0001), so a batch stays below the 8 MiB that a request may have.
BATCH_BYTES = 1 << 20
BATCH_LINES = 5_000
GATHER_SECONDS = 0.3


class LogShipper(threading.Thread):
    """Takes lines from one run's spool and sends them in order, each until the server has it.

    `on_answer` is given every answer, for its `nextAction`. The thread ends when all is sent, when the server says that the job is ours no
    more, or on stop().
    """

    def __init__(self, *, client: Client, job_id: str, lease_token: str, spool: Spool, on_answer: Callable[[Json], None]) -> None:
        super().__init__(name="logs", daemon=True)
        self._client = client
        self._job_id = job_id
        self._lease_token = lease_token
        self._spool = spool
        self._on_answer = on_answer
        self._sequence = 0
        self._stopped = threading.Event()

    def run(self) -> None:
        try:
            while not self._spool.drained and not self._stopped.is_set():
                lines = self._spool.take(max_bytes=BATCH_BYTES, max_lines=BATCH_LINES, wait_seconds=1.0)
                if not lines:
                    continue
                self._send([self._entry(line) for line in lines])
                if len(lines) < BATCH_LINES // 2 and not self._spool.finished:
                    self._stopped.wait(GATHER_SECONDS)
        except Exception:
            log.exception("%s: sending its output failed", self._job_id)
        finally:
            self._spool.close()

    def stop(self) -> None:
        """Send no more."""
        self._stopped.set()
        self._spool.close()

    def _entry(self, line: Line) -> Json:
        sequence, self._sequence = self._sequence, self._sequence + 1
        return {
            "sequence": sequence,
            "stream": "stdout" if line.stream == STDOUT else "stderr",
            "line": line.content.decode("utf-8", "replace"),
            "timestamp": datetime.fromtimestamp(line.at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        }

    def _send(self, entries: list[Json]) -> None:
        attempt = 0
        while not self._stopped.is_set():
            try:
                answer = self._client.send_logs(self._job_id, entries, lease_token=self._lease_token)
            except Unavailable as problem:
                log.info("%s: its output waits: %s", self._job_id, problem)
                self._stopped.wait(pause_before(attempt, retry_after=problem.retry_after))
                attempt += 1
                continue
            except Refused as refusal:
                self._give_up_on(entries, refusal)
                return
            self._on_answer(answer)
            return

    def _give_up_on(self, entries: list[Json], refusal: Refused) -> None:
        log.warning("%s: %d lines of its output were refused: %s", self._job_id, len(entries), refusal)
        if refusal.abandon:
            self._stopped.set()
            self._on_answer({"nextAction": "abandon"})
