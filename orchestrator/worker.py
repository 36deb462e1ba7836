"""The orchestrator itself: claims jobs as long as it has room, and sees them all to their end."""

import logging
import threading
import time
import uuid
from collections.abc import Set

from orchestrator.client import Client, Json
from orchestrator.config import Config
from orchestrator.execution import Execution
from orchestrator.heart import Heart, heartbeat_report
from orchestrator.poller import Poller
from orchestrator.runner import Stop
from orchestrator.scratch import Scratch, User

log = logging.getLogger(__name__)

# A cancel reaches a silent job with a heartbeat, so they come more often than the lease needs.
LONGEST_HEARTBEAT_SECONDS = 10.0
# What is stopped when the drain is over gets 3 s until SIGKILL, and as long to be released.
SECONDS_AFTER_DRAIN = 6.5


class Worker:
    """Claims, dispatches, heartbeats, drains. `run()` returns when `stopping` was set and all is settled."""

    def __init__(self, config: Config, *, client: Client, scratch: Scratch, user: User | None, closing: threading.Event) -> None:
        """Args: `closing`: the client's event of the same name, set here when waiting for the server must end."""
        self.stopping = threading.Event()
        self._config = config
        self._instance_id = uuid.uuid4().hex
        self._client = client
        self._scratch = scratch
        self._user = user
        self._closing = closing
        self._changed = threading.Condition()
        self._named: dict[str, Execution] = {}  # by job id, in the last heartbeat
        self._running: dict[str, Execution] = {}  # by lease token: a job that is claimed again is another run
        self._heartbeat_seconds = LONGEST_HEARTBEAT_SECONDS
        self._poller = Poller(
            config=config,
            client=client,
            stopping=self.stopping,
            wait_for_room=self._wait_for_room,
            take=self._take,
            held_leases=self._held_leases,
        )
        self._heart = Heart(client=client, interval=self._heartbeat_interval, report=self._heartbeat, on_answer=self._hear)

    def run(self) -> None:
        """Work until `stopping` is set, then drain."""
        self._heart.start()
        self._poller.start()
        # A wait without a limit would keep Python from running its signal handlers on some systems.
        while not self.stopping.wait(1.0):
            pass
        self._drain(began=time.monotonic())
        self._heart.stop()

    def kill_everything(self) -> None:
        """Kill all scripts at once; for a process that exits in the next moment."""
        for execution in list(self._running.values()):
            execution.kill()

    def _wait_for_room(self) -> int:
        with self._changed:
            while not self.stopping.is_set():
                free = self._config.max_jobs - len(self._running)
                if free > 0 or self._poller.has_more_to_do:
                    return max(0, free)
                self._changed.wait(0.5)
        return 0

    def _held_leases(self) -> Set[str]:
        with self._changed:
            return set(self._running)

    def _take(self, job: Json) -> None:
        lease = job["lease"]
        if lease.get("heartbeatSeconds"):
            self._heartbeat_seconds = min(LONGEST_HEARTBEAT_SECONDS, float(lease["heartbeatSeconds"]))
        with self._changed:
            if lease["token"] in self._running:
                return
            earlier = [each for each in self._running.values() if each.job_id == job["id"]]
            execution = Execution(
                job,
                client=self._client,
                scratch=self._scratch,
                user=self._user,
                on_progress=self._heart.hurry,
                on_end=self._forget,
            )
            self._running[execution.lease_token] = execution
        for each in earlier:
            log.warning("%s: claimed again, so its earlier run here is over", each.job_id)
            each.stop(Stop.ABANDON)
        if self.stopping.is_set():
            # Claimed by a poll that was under way when the stop came: it goes back unstarted.
            execution.stop(Stop.RELEASE)
        execution.start()
        # From the first heartbeat that names it, the job is missed soon after we die, not when its whole time is over.
        self._heart.hurry()

    def _forget(self, execution: Execution) -> None:
        with self._changed:
            self._running.pop(execution.lease_token, None)
            self._changed.notify_all()

    def _heartbeat_interval(self) -> float:
        return self._config.heartbeat_interval or self._heartbeat_seconds

    def _heartbeat(self) -> Json:
        running: list[Json] = []
        self._named = {each.job_id: each for each in list(self._running.values()) if not each.reported and not each.abandoned}
        for execution in self._named.values():
            named: Json = {"jobId": execution.job_id, "leaseToken": execution.lease_token}
            if execution.progress is not None:
                named["progress"] = {"percentage": execution.progress.percentage, "message": execution.progress.message}
            running.append(named)
        return heartbeat_report(
            orchestrator_id=self._config.orchestrator_id,
            instance_id=self._instance_id,
            running=running,
            max_jobs=self._config.max_jobs,
            job_types=self._config.job_types,
            labels=self._config.labels,
        )

    def _hear(self, answer: Json) -> None:
        # About the runs that the heartbeat named: by now a job may have been claimed here once more.
        for word, reason in (("cancel", Stop.CANCEL), ("abandon", Stop.ABANDON)):
            for job_id in answer.get(word) or ():
                if job_id in self._named:
                    self._named[job_id].stop(reason)
        # One of them may also be a job whose claim is on its way to us; the poller can tell.
        if answer.get("unreported"):
            self._poller.settle_soon()

    def _drain(self, *, began: float) -> None:
        log.info("stopping: no more claims, %d running, up to %g s for them to end", len(self._running), self._config.drain_seconds)
        self._wait_until_idle(began + self._config.drain_seconds)
        for execution in list(self._running.values()):
            execution.stop(Stop.RELEASE)
        deadline = time.monotonic() + SECONDS_AFTER_DRAIN
        self._wait_until_idle(deadline)
        self._closing.set()
        self._wait_until_idle(deadline + 1.0)
        if self._running:
            log.warning("left behind: %s", ", ".join(sorted(execution.job_id for execution in list(self._running.values()))))

    def _wait_until_idle(self, moment: float) -> None:
        with self._changed:
            while (self._running or self._poller.is_alive()) and time.monotonic() < moment:
                self._changed.wait(min(0.1, max(0.0, moment - time.monotonic())))
