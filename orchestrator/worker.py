"""The orchestrator itself: claims jobs as long as it has room, and sees them all to their end."""

import itertools
import logging
import threading
import time
import uuid
from datetime import datetime

from orchestrator.client import Client, Json, Refused, Unavailable, pause_before
from orchestrator.config import Config
from orchestrator.execution import Execution
from orchestrator.heart import Heart, heartbeat_report
from orchestrator.orphans import settle_orphans
from orchestrator.runner import Stop
from orchestrator.scratch import Scratch, User

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 30.0
SECONDS_AFTER_A_REFUSAL = 30.0
LEAST_POLL_SECONDS = 0.2
# What is stopped when the drain is over gets 3 s until SIGKILL, and as long to be released.
SECONDS_AFTER_DRAIN = 6.5


class Worker:
    """Claims, dispatches, heartbeats, drains. `run()` returns when `stopping` was set and all is settled."""

    def __init__(self, config: Config, *, client: Client, scratch: Scratch, user: User | None, closing: threading.Event) -> None:
        """Args: `closing`: the client's event of the same name, set here when waiting for the server must end."""
        self.stopping = threading.Event()
        self._config = config
        self._client = client
        self._scratch = scratch
        self._user = user
        self._closing = closing
        self._changed = threading.Condition()
        self._running: dict[str, Execution] = {}  # by lease token: a job that is claimed again is another run
        self._heartbeat_seconds = HEARTBEAT_SECONDS
        self._unreported: dict[str, float] = {}  # since when, by job id
        self._settler = threading.Thread()
        self._settled = False
        self._last_reason: str | None = None
        self._poller = threading.Thread(target=self._poll, name="poller", daemon=True)
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

    def _poll(self) -> None:
        self._settle_what_a_crash_left()
        claim_id = uuid.uuid4().hex
        failures = 0
        while not self.stopping.is_set():
            try:
                pause = self._claim(claim_id)
            except Unavailable as problem:
                # The same claimId again: if the server did claim for us, its answer brings those jobs.
                pause = pause_before(failures, retry_after=problem.retry_after)
                failures += 1
                log.warning("claim failed: %s; again in %.1f s", problem, pause)
            except Refused as refusal:
                pause = SECONDS_AFTER_A_REFUSAL
                claim_id, failures = uuid.uuid4().hex, 0
                log.error("claim refused: %s; again in %.0f s", refusal, pause)
            except Exception:
                pause = SECONDS_AFTER_A_REFUSAL
                claim_id, failures = uuid.uuid4().hex, 0
                log.exception("claiming failed; again in %.0f s", pause)
            else:
                claim_id, failures = uuid.uuid4().hex, 0
            self.stopping.wait(pause)

    def _settle_what_a_crash_left(self) -> None:
        for attempt in itertools.count():
            if self.stopping.is_set():
                return
            try:
                settle_orphans(self._client, self._client.orphaned(), reason="the orchestrator was restarted")
                self._settled = True
                return
            except Unavailable as problem:
                pause = pause_before(attempt, retry_after=problem.retry_after)
                log.warning("can't ask for orphaned jobs: %s; again in %.1f s", problem, pause)
            except Exception as problem:
                pause = SECONDS_AFTER_A_REFUSAL
                log.error("asking for orphaned jobs failed: %s; again in %.0f s", problem, pause)
            self.stopping.wait(pause)

    def _claim(self, claim_id: str) -> float:
        free = self._wait_for_room()
        if free == 0:
            return 0.0
        began = time.monotonic()
        wait = self._config.wait
        answer = self._client.claim(batch_size=free, claim_id=claim_id, job_types=self._config.job_types, wait=wait)
        for job in answer["jobs"]:
            self._take(job)
        metadata: Json = answer.get("metadata") or {}
        self._note_reason(metadata.get("reason"))
        if answer["jobs"] or (wait and time.monotonic() - began >= wait * 0.8):
            return 0.0
        # Empty at once: not long-polling, or the server would not let us wait. Both sides' wishes for a pause are kept.
        return max(LEAST_POLL_SECONDS, _asked_pause(metadata), 0.0 if wait else self._config.poll_interval)

    def _wait_for_room(self) -> int:
        with self._changed:
            while not self.stopping.is_set():
                free = self._config.max_jobs - len(self._running)
                if free > 0:
                    return free
                self._changed.wait(0.5)
        return 0

    def _take(self, job: Json) -> None:
        lease = job["lease"]
        if not self._config.heartbeat_interval and lease.get("heartbeatSeconds"):
            self._heartbeat_seconds = float(lease["heartbeatSeconds"])
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

    def _forget(self, execution: Execution) -> None:
        with self._changed:
            self._running.pop(execution.lease_token, None)
            self._changed.notify_all()

    def _note_reason(self, reason: str | None) -> None:
        if reason != self._last_reason and reason != "busy":
            log.info("the server hands out jobs again" if reason is None else f"the server hands out no jobs: {reason}")
            self._last_reason = reason

    def _heartbeat_interval(self) -> float:
        return self._config.heartbeat_interval or self._heartbeat_seconds

    def _heartbeat(self) -> Json:
        running: list[Json] = []
        for execution in [each for each in list(self._running.values()) if not each.reported]:
            named: Json = {"jobId": execution.job_id, "leaseToken": execution.lease_token}
            if execution.progress is not None:
                named["progress"] = {"percentage": execution.progress.percentage, "message": execution.progress.message}
            running.append(named)
        return heartbeat_report(
            orchestrator_id=self._config.orchestrator_id, running=running, max_jobs=self._config.max_jobs, job_types=self._config.job_types
        )

    def _hear(self, answer: Json) -> None:
        for word, reason in (("cancel", Stop.CANCEL), ("abandon", Stop.ABANDON)):
            for job_id in answer.get(word) or ():
                for execution in list(self._running.values()):
                    if execution.job_id == job_id:
                        execution.stop(reason)
        self._settle_unreported(set(answer.get("unreported") or ()))

    def _settle_unreported(self, named: set[str]) -> None:
        # Named once may be a claim whose answer is on its way to us. Named for as long as a heartbeat takes, it is lost.
        now = time.monotonic()
        here = {execution.job_id for execution in list(self._running.values())}
        self._unreported = {job_id: self._unreported.get(job_id, now) for job_id in named - here}
        lost = {job_id for job_id, since in self._unreported.items() if now - since >= self._heartbeat_interval() * 0.9}
        if lost and self._settled and not self.stopping.is_set() and not self._settler.is_alive():
            # In a thread of its own: the heart must go on beating for those that are not lost.
            self._settler = threading.Thread(target=self._settle_lost, args=(lost,), name="settler", daemon=True)
            self._settler.start()

    def _settle_lost(self, lost: set[str]) -> None:
        try:
            jobs = [job for job in self._client.orphaned() if job["id"] in lost]
        except (Refused, Unavailable) as problem:
            log.warning("can't ask for lost jobs: %s; again with the next heartbeat", problem)
            return
        settle_orphans(self._client, jobs, reason="the orchestrator lost track of it")

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


def _asked_pause(metadata: Json) -> float:
    # Both times are the server's, so that our clock does not matter.
    try:
        asked = datetime.fromisoformat(metadata["nextPollAfter"]) - datetime.fromisoformat(metadata["timestamp"])
    except (KeyError, TypeError, ValueError):
        return 0.0
    return min(30.0, max(0.0, asked.total_seconds()))
