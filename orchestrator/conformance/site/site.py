"""The jobs and who holds them: what is enqueued, claimed, kept by heartbeats, cancelled, lost."""

import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from orchestrator.conformance.site.clock import Clock, written
from orchestrator.conformance.site.errors import Refusal
from orchestrator.conformance.site.jobs import ADDED_LATER, FORGED, Job, LeaseLengths, LeaseTokens
from orchestrator.conformance.site.requests import Json

SOMEBODY_ELSE = "somebody-else"


class Site:
    """Thread-safe. `changed` is held while anything is looked at or changed, and told of each change.

    Attributes:
        pause_seconds: how far away nextPollAfter is in an empty answer.
        closed_because: the reason why nothing is handed out, and nobody waits; None when the queue is open.
        handed_again: claim answers to be given once more instead of new ones.
        left_behind: jobs that the first orchestrator to speak finds running under its name.
        met: the names of those who spoke, in order.
    """

    def __init__(self, lengths: LeaseLengths | None = None) -> None:
        self.lengths = lengths or LeaseLengths()
        self.clock = Clock()
        self.tokens = LeaseTokens()
        self.changed = threading.Condition(threading.RLock())
        self.jobs: dict[str, Job] = {}
        self.pause_seconds = 0.2
        self.closed_because: str | None = None
        self.handed_again: list[list[Json]] = []
        self.left_behind: list[Job] = []
        self.met: list[str] = []
        self._claims: dict[tuple[str, str], list[str]] = {}

    # --- what producers and staff do, and time itself ---------------------------------------------------------------

    def enqueue(self, payload: Any, *, type: str = "script", timeout_seconds: int = 60, cancel_when_claimed: bool = False) -> Job:
        """Add a job to the end of the queue. It has one attempt."""
        with self.changed:
            now = self.clock.now()
            job = Job(f"job_{len(self.jobs):04d}", type, payload, now, now, timeout_seconds, cancel_when_claimed)
            self.jobs[job.id] = job
            self.changed.notify_all()
            return job

    def request_cancel(self, job: Job) -> None:
        """Cancel what is queued, ask the holder of what is not; a finished job stays as it is."""
        with self.changed:
            if job.status == "queued":
                self.finish(job, "cancelled")
            elif job.is_live and job.cancel_requested_at is None:
                job.cancel_requested_at = self.clock.now()
                self.touch(job)

    def end_by_force(self, job: Job, status: str) -> None:
        """What staff or a sweep do: end a job over its holder's head."""
        with self.changed:
            if job.is_live:
                self.finish(job, status)

    def hand_to(self, job: Job, orchestrator_id: str = SOMEBODY_ELSE, *, running: bool = False) -> None:
        """Let a job be claimed, from whoever has it, by one who does not ask here."""
        with self.changed:
            if job.is_live:
                self.give_back(job)
            self._claim_one(job, orchestrator_id, None)
            if running:
                job.status, job.started_at = "running", self.clock.now()
            self.touch(job)

    def move_clock(self, delta: timedelta) -> None:
        """Let the server's clock differ from now on by so much more, as if it always had: leases last as long as they did."""
        with self.changed:
            self.clock.ahead += delta
            for job in self.jobs.values():
                for name in ("claimed_at", "acknowledged_at", "started_at", "lease_expires_at"):
                    moment = getattr(job, name)
                    setattr(job, name, moment and moment + delta)

    def sweep(self) -> None:
        """Give back claims that have run out, and end runs that have."""
        with self.changed:
            now = self.clock.now()
            for job in self.jobs.values():
                if job.is_live and job.lease_expires_at and job.lease_expires_at <= now:
                    if job.cancel_requested_at:
                        self.finish(job, "cancelled")
                    elif job.status == "claimed":
                        self.give_back(job)
                    else:
                        job.ending = {"error": "The lease ran out", "category": "lease_lost"}
                        self.finish(job, "failed")

    def hold_brake(self) -> None:
        """After an outage of the server's own no lease ends before one lease period has passed (section 3)."""
        with self.changed:
            for job in self.jobs.values():
                if job.is_live and self.clock.until(job.lease_expires_at or self.clock.now()) < self.lengths.heartbeat:
                    self.keep(job, self.lengths.heartbeat)

    # --- what orchestrators do --------------------------------------------------------------------------------------

    def meet(self, orchestrator_id: str) -> None:
        """Note who speaks."""
        with self.changed:
            if orchestrator_id not in self.met:
                self.met.append(orchestrator_id)
                while self.left_behind:
                    self.hand_to(self.left_behind.pop(), orchestrator_id, running=True)

    def find(self, job_id: str) -> Job:
        """
        Raises:
            Refusal: there is no such job.
        """
        job = self.jobs.get(job_id)
        if job is None:
            raise Refusal("JOB_NOT_FOUND", f"There is no job {job_id}.")
        return job

    def claim(self, by: str, *, batch_size: int = 10, job_types: Sequence[str] = (), wait: float = 0, claim_id: str | None = None) -> Json:
        """The answer to a claim, after up to `wait` seconds."""
        until = time.monotonic() + wait
        with self.changed:
            while True:
                self.sweep()
                again = self.handed_again.pop(0) if self.handed_again else None
                handed = again or self._claim_now(by, batch_size, job_types, claim_id)
                left = until - time.monotonic()
                if handed or self.closed_because or left <= 0:
                    return self._claimed(handed, full=len(handed) >= batch_size)
                self.changed.wait(min(left, 0.1))

    def orphaned(self, by: str) -> list[Json]:
        """All that the caller holds."""
        with self.changed:
            self.sweep()
            return [self._leased(job) for job in self.jobs.values() if job.is_held_by(by)]

    def heartbeat(self, by: str, named: Sequence[Json]) -> Json:
        """Keep the leases of the named jobs: `{jobId, leaseToken?, progress?}` each."""
        with self.changed:
            kept, abandon = [], set()
            for each in named:
                job = self.jobs.get(str(each.get("jobId")))
                if job is None or not self._is_held(job, by, each.get("leaseToken")):
                    abandon.add(str(each.get("jobId")))
                    continue
                self.keep(job, self.lengths.heartbeat)
                if each.get("progress") is not None and each["progress"] not in job.progress[-1:]:
                    job.progress.append(each["progress"])
                kept.append(job)
            # After the named ones were renewed or refused, as in one statement.
            self.sweep()
            held = [job for job in self.jobs.values() if job.is_held_by(by)]
            known = {str(each.get("jobId")) for each in named}
            return {
                "success": True,
                "timestamp": written(self.clock.now()),
                "leases": [{"jobId": job.id, "expiresAt": written(job.lease_expires_at)} for job in kept],
                "cancel": [job.id for job in held if job.cancel_requested_at],
                "abandon": sorted(abandon - {job.id for job in kept}),
                "unreported": [job.id for job in held if job.id not in known],
            }

    def lease_of(self, job: Job) -> Json:
        return {
            "token": self.tokens.token_of(job),
            "expiresAt": written(job.lease_expires_at),
            "heartbeatSeconds": self.lengths.heartbeat_seconds,
            **ADDED_LATER,
        }

    # --- steps in a job's life, for those who hold `changed` ----------------------------------------------------------

    def keep(self, job: Job, seconds: float) -> None:
        """Let the lease end `seconds` from now, but not past the end of the job's own time."""
        until = self.clock.now() + timedelta(seconds=seconds)
        job.lease_expires_at = min(until, self._deadline(job) or until)

    def start(self, job: Job) -> None:
        job.status, job.started_at = "running", self.clock.now()
        job.lease_expires_at = self._deadline(job)
        self.touch(job)

    def finish(self, job: Job, status: str) -> None:
        now = self.clock.now()
        job.attempts += status == "failed"
        job.status, job.completed_at, job.lease_expires_at = status, now, None
        job.ended[job.epoch] = now
        self.touch(job)

    def give_back(self, job: Job) -> None:
        job.ended[job.epoch] = self.clock.now()
        job.status = "queued"
        job.orchestrator_id = job.claim_id = job.lease_expires_at = job.cancel_requested_at = None
        job.claimed_at = job.acknowledged_at = job.started_at = None
        self.touch(job)

    def touch(self, job: Job) -> None:
        job.updated_at = self.clock.now()
        self.changed.notify_all()

    # --- claims ---------------------------------------------------------------------------------------------------------

    def _claim_now(self, by: str, batch_size: int, job_types: Sequence[str], claim_id: str | None) -> list[Json]:
        remembered = [self.jobs[job_id] for job_id in self._claims.get((by, claim_id), ())] if claim_id else []
        again = [job for job in remembered if job.is_held_by(by) and job.claim_id == claim_id]
        if again or self.closed_because:
            return [self._leased(job, whole=True) for job in again]
        queued = [job for job in self.jobs.values() if job.status == "queued" and (not job_types or job.type in job_types)]
        for job in queued[:batch_size]:
            self._claim_one(job, by, claim_id)
        if claim_id:
            self._claims[by, claim_id] = [job.id for job in queued[:batch_size]]
        return [self._leased(job, whole=True) for job in queued[:batch_size]]

    def _claim_one(self, job: Job, by: str, claim_id: str | None) -> None:
        now = self.clock.now()
        job.status, job.orchestrator_id, job.claim_id, job.claimed_at = "claimed", by, claim_id, now
        job.epoch += 1
        job.holders[job.epoch] = by
        job.lease_expires_at = now + timedelta(seconds=self.lengths.claimed)
        self.touch(job)

    def _claimed(self, handed: list[Json], *, full: bool) -> Json:
        now = self.clock.now()
        for job in (self.jobs[each["id"]] for each in handed):
            if job.cancel_when_claimed:
                self.request_cancel(job)
        pause = timedelta(seconds=0 if full else self.pause_seconds)
        metadata: Json = {
            "timestamp": written(now),
            "nextPollAfter": written(now + pause),
            "queueSize": sum(job.status == "queued" for job in self.jobs.values()),
        }
        if self.closed_because:
            metadata["reason"] = self.closed_because
        return {"jobs": handed, "count": len(handed), "metadata": metadata}

    def _leased(self, job: Job, *, whole: bool = False) -> Json:
        execution = job.execution()
        return job.told(whole=whole) | {"lease": self.lease_of(job)} | ({"execution": execution} if execution else {})

    # --- leases ---------------------------------------------------------------------------------------------------------

    def _is_held(self, job: Job, by: str, token: object) -> bool:
        if not job.is_held_by(by) or (job.lease_expires_at and job.lease_expires_at <= self.clock.now()):
            return False
        if not token:
            return True
        epoch = self.tokens.epoch_of(token, job_id=job.id, orchestrator_id=by) if isinstance(token, str) else FORGED
        return epoch == job.epoch

    def _deadline(self, job: Job) -> datetime | None:
        return job.started_at and job.started_at + timedelta(seconds=job.timeout_seconds + self.lengths.after_timeout)
