"""Where scenarios are played: gives out jobs, arranges faults, waits, and notes what it did when."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.conformance.program import Program
from orchestrator.conformance.record import sayings_of
from orchestrator.conformance.site.faults import Fault, Kind
from orchestrator.conformance.site.jobs import Job
from orchestrator.conformance.site.requests import Exchange
from orchestrator.conformance.site.server import SiteServer

OUT, ERR = "conformance-out", "conformance-err"
DEFAULT_PAYLOADS: Mapping[str, Any] = {
    "ok": {"script": {"type": "BASH", "content": f"echo {OUT}; echo {ERR} >&2"}},
    "fail": {"script": {"type": "BASH", "content": f"echo {OUT}; echo {ERR} >&2; exit 3"}},
    "slow": {"script": {"type": "BASH", "content": "echo slow; exec sleep 120"}},
    "unknown": {"conformance": ["a payload", "of another kind"]},
}


@dataclass
class Stage:
    """
    Attributes:
        payloads: what makes the orchestrator succeed, fail, and take longer than any scenario: `ok`, `fail`, `slow`;
            and `unknown`, which nobody can run.
        job_type: of the jobs.
        patience_seconds: how long anything may take.
        program: the orchestrator, if the kit started it.
        cast: the jobs, by the part they play.
        marks: moments, on the monotonic clock, by name.
        falls: each time that the program ended of itself: how, and when.
    """

    site: SiteServer
    payloads: Mapping[str, Any] = field(default_factory=lambda: DEFAULT_PAYLOADS)
    job_type: str = "script"
    patience_seconds: float = 10.0
    program: Program | None = None
    cast: dict[str, Job] = field(default_factory=dict)
    marks: dict[str, float] = field(default_factory=dict)
    falls: list[str] = field(default_factory=list)

    @property
    def heartbeat_seconds(self) -> int:
        return self.site.lengths.heartbeat_seconds

    def enqueue(self, part: str, payload: str = "ok", *faults: Callable[[Job], Fault], **options: Any) -> Job:
        """Add a job, and what is to go wrong with it before anybody can have claimed it."""
        with self.site.changed:
            job = self.site.enqueue(self.payloads[payload], **{"type": self.job_type, **options})
            self.cast[part] = job
            self.site.faults += [fault(job) for fault in faults]
            return job

    def mark(self, name: str) -> None:
        """Note that something happens now."""
        self.marks[name] = time.monotonic()

    def until(self, found: Callable[[], object], *, seconds: float | None = None) -> bool:
        """Wait until something is so. Returns whether it came to that in time, and while the orchestrator was alive."""
        deadline = time.monotonic() + (self.patience_seconds if seconds is None else seconds)
        with self.site.changed:
            while not found():
                left = deadline - time.monotonic()
                if left <= 0 or (self.program is not None and self.program.has_ended):
                    return False
                self.site.changed.wait(min(left, 0.05))
        return True

    def watch(self, seconds: float) -> None:
        """Let time pass, and see what the orchestrator does with it."""
        self.until(lambda: False, seconds=seconds)

    def until_settled(self, *jobs: Job, seconds: float | None = None) -> bool:
        """Wait until jobs have ended or were given back; those that have not are taken away, so that the next scenario begins afresh."""
        settled = self.until(lambda: all(job.completed_at or job.ended for job in jobs), seconds=seconds)
        self.clear(*jobs)
        return settled

    def clear(self, *jobs: Job) -> None:
        """Take jobs out of the play."""
        with self.site.changed:
            self.site.faults = [fault for fault in self.site.faults if fault.job_id not in {job.id for job in jobs}]
            for job in jobs:
                if job.status == "queued":
                    self.site.finish(job, "cancelled")
                self.site.end_by_force(job, "failed")

    def was_told(self, job: Job, word: str) -> bool:
        """Whether the orchestrator has heard of a job to `cancel` or `abandon` it."""
        return any(tells(exchange, job.id, word) for exchange in self.site.exchanges)


@dataclass(frozen=True)
class Scenario:
    """What happens, in one sentence, and the act that makes it happen."""

    happens: str
    play: Callable[[Stage], None]


def scenario(happens: str) -> Callable[[Callable[[Stage], None]], Scenario]:
    """Make a scenario of the function that plays it."""
    return lambda play: Scenario(happens, play)


def tells(exchange: Exchange, job_id: str, word: str) -> bool:
    """Whether an answer tells an orchestrator to `cancel` or `abandon` a job."""
    if exchange.request.meaning == "heartbeat":
        return isinstance(exchange.told, dict) and job_id in (exchange.told.get(word) or ())
    return any(saying.report.job_id == job_id and saying.next_action == word for saying in sayings_of(exchange))


def on(what: str, kind: Kind, **options: Any) -> Callable[[Job], Fault]:
    """A fault for a job that is about to be enqueued; `first` in the options is given the job."""
    first = options.pop("first", None)
    return lambda job: Fault(what, kind, job_id=job.id, first=(lambda: first(job)) if first is not None else None, **options)
