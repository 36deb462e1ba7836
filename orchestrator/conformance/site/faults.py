"""What goes wrong on purpose, when, and how often."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.conformance.site.requests import Json, Request

Kind = Literal["lost", "drop", "slow", "none"] | int


@dataclass
class Fault:
    """What to do instead of the right thing, `times` times.

    Attributes:
        on: what it befalls: the meaning of a request or of a report in it (`claim`, `heartbeat`, `start`, `end`, `logs` …), the end of a
            path (`/fail`), or everything ("").
        kind: `lost` does the right thing and drops the answer; `drop` does nothing and drops the answer; `slow` waits `seconds` first;
            a number is the status to answer with, nothing being done; `none` does the right thing.
        job_id: only reports on this job, or the claim that hands it out.
        first: what happens in the moment before.
        error: overrides parts of the error that is told.
        page: told instead of an error, as a proxy would.
    """

    on: str
    kind: Kind
    times: int = 1
    job_id: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    error: Json = field(default_factory=dict)
    page: str | None = None
    seconds: float = 0.0
    first: Callable[[], object] | None = None

    def befalls(self, request: Request) -> bool:
        """Whether it happens to a request, as far as that can be told before there is an answer."""
        if self.times <= 0:
            return False
        meanings = {request.meaning, *(report.meaning for report in request.reports)}
        of_the_job = self.job_id is None or any(report.job_id == self.job_id for report in request.reports)
        return of_the_job and (self.on in meanings or (self.on[:1] in ("", "/") and request.path.endswith(self.on)))

    def befalls_claim(self, told: Json) -> bool:
        """Whether it happens to the answer of a claim: one that hands out the job."""
        return self.times > 0 and self.on == "claim" and any(job["id"] == self.job_id for job in told["jobs"])
