"""What goes wrong on purpose, when, and how often."""

from dataclasses import dataclass, field
from typing import Literal

from orchestrator.conformance.site.requests import Json, Request

Kind = Literal["lost", "drop", "slow"] | int


@dataclass
class Fault:
    """What to do instead of the right thing, `times` times.

    Attributes:
        on: what it befalls: the meaning of a request or of a report in it (`claim`, `heartbeat`, `start`, `end`, `logs` …), the end of a
            path (`/fail`), or everything ("").
        kind: `lost` does the right thing and drops the answer; `drop` does nothing and drops the answer; `slow` waits `seconds` first;
            a number is the status to answer with, nothing being done.
        job_id: only reports on this job.
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

    def befalls(self, request: Request) -> bool:
        if self.times <= 0:
            return False
        meanings = {request.meaning, *(report.meaning for report in request.reports)}
        of_the_job = self.job_id is None or any(report.job_id == self.job_id for report in request.reports)
        return of_the_job and (self.on in meanings or (self.on[:1] in ("", "/") and request.path.endswith(self.on)))
