"""Asks for jobs, as long as there is room for them, and settles what the server thinks is ours but nobody here knows."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Set
from datetime import datetime

from orchestrator.client import Client, Json, Refused, Unavailable, pause_before
from orchestrator.config import Config
from orchestrator.orphans import settle_orphans

log = logging.getLogger(__name__)

SECONDS_AFTER_A_REFUSAL = 30.0
LEAST_POLL_SECONDS = 0.2
PREDECESSOR_MARGIN_SECONDS = 2.0


class Poller(threading.Thread):
    """The one thread that claims. Before its first claim it settles what a crash left behind.

    Because it alone claims, whatever the server says between two claims that we hold, and that nobody here knows, is lost.
    """

    def __init__(
        self,
        *,
        config: Config,
        client: Client,
        stopping: threading.Event,
        wait_for_room: Callable[[], int],
        take: Callable[[Json], None],
        held_leases: Callable[[], Set[str]],
    ) -> None:
        """Args: `wait_for_room` answers how many more jobs there is room for, 0 to have something else looked after; `take` begins a job;
        `held_leases` gives the lease tokens of all jobs here."""
        super().__init__(name="poller", daemon=True)
        self._config = config
        self._client = client
        self._stopping = stopping
        self._wait_for_room = wait_for_room
        self._take = take
        self._held_leases = held_leases
        self._claim_id = uuid.uuid4().hex
        self._last_reason: str | None = None
        self._settle_for: str | None = "the orchestrator was restarted"
        # A killed predecessor's long poll may go on at the server and be given a job that nobody is there to take.
        self._second_look_at = time.monotonic() + config.wait + PREDECESSOR_MARGIN_SECONDS

    @property
    def has_more_to_do(self) -> bool:
        """Whether there are orphans to look after, room or no room."""
        return self._settle_for is not None

    def settle_soon(self) -> None:
        """Look after orphans before the next claim: the server says that there may be some."""
        self._settle_for = self._settle_for or "the orchestrator lost track of it"

    def run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                pause = self._settle_and_claim()
                failures = 0
            except Unavailable as problem:
                # The same claimId again: if the server did claim for us, its answer brings those jobs.
                pause = pause_before(failures, retry_after=problem.retry_after)
                failures += 1
                log.warning("can't claim: %s; again in %.1f s", problem, pause)
            except Refused as refusal:
                pause = SECONDS_AFTER_A_REFUSAL
                log.error("may not claim: %s; again in %.0f s", refusal, pause)
            except Exception:
                pause = SECONDS_AFTER_A_REFUSAL
                log.exception("claiming failed; again in %.0f s", pause)
            self._stopping.wait(pause)

    def _settle_and_claim(self) -> float:
        if time.monotonic() >= self._second_look_at:
            self._second_look_at = float("inf")
            self.settle_soon()
        if self._settle_for is not None:
            # Looked up before the server is asked, lest a job that ends in between is taken for lost.
            held = self._held_leases()
            lost = [job for job in self._client.orphaned() if job["lease"]["token"] not in held]
            settle_orphans(self._client, lost, reason=self._settle_for)
            self._settle_for = None
        room = self._wait_for_room()
        return self._claim(room) if room > 0 else 0.0

    def _claim(self, room: int) -> float:
        began = time.monotonic()
        wait = self._config.wait
        answer = self._client.claim(
            batch_size=room, claim_id=self._claim_id, job_types=self._config.job_types, labels=self._config.labels, wait=wait
        )
        self._claim_id = uuid.uuid4().hex
        for job in answer["jobs"]:
            self._take(job)
        metadata: Json = answer.get("metadata") or {}
        self._note_reason(metadata.get("reason"))
        if answer["jobs"] or (wait and time.monotonic() - began >= wait * 0.8):
            return 0.0
        # Empty at once: not long-polling, or the server would not let us wait. Both sides' wishes for a pause are kept.
        return max(LEAST_POLL_SECONDS, _asked_pause(metadata), 0.0 if wait else self._config.poll_interval)

    def _note_reason(self, reason: str | None) -> None:
        if reason != self._last_reason and reason != "busy":
            log.info("the server hands out jobs again" if reason is None else f"the server hands out no jobs: {reason}")
            self._last_reason = reason


def _asked_pause(metadata: Json) -> float:
    # Both times are the server's, so that our clock does not matter.
    try:
        asked = datetime.fromisoformat(metadata["nextPollAfter"]) - datetime.fromisoformat(metadata["timestamp"])
    except (KeyError, TypeError, ValueError):
        return 0.0
    return min(30.0, max(0.0, asked.total_seconds()))
