"""The conformance kit's server, with what tests of the orchestrator ask of it."""

import time
from collections.abc import Callable

from orchestrator.conformance.site.jobs import Job
from orchestrator.conformance.site.requests import Json, Request
from orchestrator.conformance.site.server import SiteServer

TOKEN = "a-service-key-of-enough-characters"
FINISHED = {"completed", "failed", "cancelled"}


class PlayedSite(SiteServer):
    """Jobs are named by their ids. What does not come about in time fails the test."""

    def __init__(self) -> None:
        super().__init__(token=TOKEN)

    def enqueue_script(
        self, kind: str = "BASH", content: str = "true", *, timeout: int = 60, cancel_when_claimed: bool = False, **more: object
    ) -> str:
        """Add a job that runs a script; `more` stands in the payload beside it. Returns its id."""
        payload = {"script": {"type": kind, "content": content}, **more}
        return self.enqueue(payload, timeout_seconds=timeout, cancel_when_claimed=cancel_when_claimed).id

    def wait_for(self, found: Callable[[], object], *, seconds: float = 15.0) -> None:
        """Wait until `found` is true."""
        until = time.monotonic() + seconds
        while not found():
            assert time.monotonic() < until, f"did not happen in {seconds} s; jobs: {self.jobs}"
            time.sleep(0.02)

    def wait_for_status(self, job_id: str, status: str, *, seconds: float = 15.0) -> None:
        self.wait_for(lambda: self.jobs[job_id].status == status, seconds=seconds)

    def wait_for_end(self, job_id: str, *, seconds: float = 20.0) -> Json:
        """Wait for a job's end; returns the report that ended it."""
        self.wait_for(lambda: self.jobs[job_id].status in FINISHED, seconds=seconds)
        return self.jobs[job_id].accepted[-1].body

    def verbs(self, job_id: str) -> list[str]:
        """The reports that were believed, in order."""
        return [report.operation for report in self.jobs[job_id].accepted]

    def lines(self, job_id: str, stream: str = "stdout") -> list[str]:
        """The log lines of the newest run that wrote any, by sequence."""
        entries = _newest_run(self.jobs[job_id])
        return [entries[sequence]["line"] for sequence in sorted(entries) if entries[sequence]["stream"] == stream]

    def count_of_lines(self, job_id: str) -> int:
        """How many log lines of that run have arrived, of all streams."""
        return len(_newest_run(self.jobs[job_id]))

    def sent(self, path_end: str) -> list[Request]:
        """The requests to one endpoint."""
        with self.changed:
            return [exchange.request for exchange in self.exchanges if exchange.request.path.endswith(path_end)]


def _newest_run(job: Job) -> dict[int, Json]:
    return dict(job.lines[max(job.lines)]) if job.lines else {}
