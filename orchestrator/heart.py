"""Tells the server what is running here, keeps the leases alive, and brings back what to stop."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from orchestrator import __version__
from orchestrator.client import Client, Json, Refused, Unavailable

log = logging.getLogger(__name__)

LEAST_SECONDS_BETWEEN = 1.0
SECONDS_AFTER_A_MISS = 5.0


class Heart(threading.Thread):
    """Beats every `interval()` seconds, and soon after `hurry()`, but at most once a second.

    `report()` says what is running; `on_answer` gets the server's answer. Neither may kill the heart.
    """

    def __init__(
        self, *, client: Client, interval: Callable[[], float], report: Callable[[], Json], on_answer: Callable[[Json], None]
    ) -> None:
        super().__init__(name="heart", daemon=True)
        self._client = client
        self._interval = interval
        self._report = report
        self._on_answer = on_answer
        self._hurry = threading.Event()
        self._stopped = threading.Event()

    def hurry(self) -> None:
        """Beat soon: there is a new job or progress to tell."""
        self._hurry.set()

    def stop(self) -> None:
        self._stopped.set()
        self._hurry.set()

    def run(self) -> None:
        while not self._stopped.is_set():
            self._hurry.clear()
            began = time.monotonic()
            pause = self._interval()
            if not self._beat():
                pause = min(pause, SECONDS_AFTER_A_MISS)
            self._stopped.wait(LEAST_SECONDS_BETWEEN - (time.monotonic() - began))
            self._hurry.wait(max(0.0, pause - (time.monotonic() - began)))

    def _beat(self) -> bool:
        try:
            self._on_answer(self._client.heartbeat(self._report()))
        except (Refused, Unavailable) as problem:
            log.warning("heartbeat missed: %s", problem)
            return False
        except Exception:
            log.exception("heartbeat failed")
            return False
        return True


def heartbeat_report(
    *, orchestrator_id: str, instance_id: str, running: Sequence[Json], max_jobs: int, job_types: Sequence[str], labels: Sequence[str]
) -> Json:
    """The body of a heartbeat.

    Args:
        instance_id: of this process: the server tells by it when two of them use one id.
        running: `{jobId, leaseToken, progress?}` of each job.
        labels: what is to be had here; an empty list takes back what an earlier process declared.
    """
    report: dict[str, Any] = {
        "orchestratorId": orchestrator_id,
        "instanceId": instance_id,
        "runningJobs": list(running),
        "capacity": {"maxJobs": max_jobs, "currentJobs": len(running), "availableSlots": max(0, max_jobs - len(running))},
        "version": __version__,
        "hostname": socket.gethostname(),
        "labels": list(labels),
    }
    if job_types:
        report["jobTypes"] = list(job_types)
    return report
