"""What came in, read for what it means: whichever endpoint a report uses, it is the same report."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote

Json = dict[str, Any]

BASE_PATH = "/api/internal"
_NOT_SAID = ("timestamp", "leaseToken")
_ENDINGS = {"completed", "failed", "cancelled", "timeout"}
OPERATIONS = ("acknowledge", "status", "complete", "fail", "release", "logs", "renew")
_BATCH_OPERATIONS = {
    "start": "status",
    "complete": "complete",
    "fail": "fail",
    "cancel": "complete",
    "release": "release",
    "progress": "status",
}


@dataclass(frozen=True)
class Report:
    """One statement about one job, alone or as an item of a batch.

    Attributes:
        operation: the endpoint's last word: acknowledge, status, complete, fail, release, renew, logs.
        body: all that was said, but for when and by which lease.
    """

    job_id: str
    operation: str
    body: Json
    lease_token: str | None

    @property
    def meaning(self) -> str:
        """acknowledge, prepare, start, end, release, renew or logs; unknown when a status is none that the contract has."""
        if self.operation in ("complete", "fail"):
            return "end"
        if self.operation != "status":
            return self.operation
        word = self.body.get("status")
        return {"acknowledged": "acknowledge", "preparing": "prepare", "running": "start"}.get(
            str(word), "end" if word in _ENDINGS else "unknown"
        )

    @property
    def told(self) -> Json:
        """Where status, exit code, error and output of an ending stand."""
        if self.operation != "status":
            return self.body
        details = self.body.get("details")
        return (details if isinstance(details, dict) else {}) | {"status": self.body.get("status")}

    @property
    def verdict(self) -> tuple[str, bool]:
        """What an ending comes to: its status, and whether it was a timeout. The worst of status, error and exit code wins (section 4)."""
        status, code, error = self.told.get("status"), self.told.get("exitCode"), self.told.get("error")
        if self.operation == "fail":
            status = "failed"
        if status == "cancelled":
            return "cancelled", False
        timed_out = status == "timeout" or self.told.get("category") == "timeout"
        timed_out = timed_out or (code == -1 and not error and not self.told.get("category"))
        partial = status == "completed" and isinstance(code, int) and 101 <= code <= 199
        succeeded = not error and status in (None, "completed") and not timed_out and (not code or partial)
        return "completed" if succeeded else "failed", timed_out


@dataclass(frozen=True)
class Request:
    """
    Attributes:
        path: without the base path, and without the query.
        headers: their names in small letters.
        body: as parsed; None when there is none.
        problem: why the body could not be read, if it could not.
        at: seconds on the monotonic clock when it had arrived whole.
    """

    method: str
    path: str
    query: Json
    headers: dict[str, str]
    body: Any
    problem: str | None = None
    at: float = 0.0

    @property
    def fields(self) -> Json:
        """The body, as far as it is an object."""
        return self.body if isinstance(self.body, dict) else {}

    @cached_property
    def meaning(self) -> str:
        """claim, orphaned, heartbeat, batch, report, or the path itself."""
        if self.path in ("/jobs/claim", "/jobs/queue"):
            return "claim"
        if self.path == "/jobs/status":
            return "batch"
        if self.path in ("/jobs/orphaned", "/orchestrator/heartbeat"):
            return self.path.rpartition("/")[2]
        return "report" if _report_path(self.path) else self.path

    @property
    def claim(self) -> Json | None:
        """What it asks to claim, alone or after a batch; None when it claims nothing."""
        if self.meaning == "claim":
            return self.fields or self.query
        asked = self.fields.get("claim") if self.meaning == "batch" else None
        return asked if isinstance(asked, dict) else None

    @cached_property
    def reports(self) -> tuple[Report, ...]:
        """What it says about jobs; log lines too, heartbeats not."""
        if self.meaning == "report":
            job_id, operation = _report_path(self.path) or ("", "")
            return (_report(job_id, operation, self.fields, self.headers.get("x-lease-token")),)
        if self.meaning == "batch":
            updates = self.fields.get("updates")
            return tuple(_item(update) for update in updates if isinstance(update, dict)) if isinstance(updates, list) else ()
        return ()

    @property
    def timestamp(self) -> str | None:
        """When it says it was sent."""
        stated = self.fields.get("timestamp") or self.headers.get("x-request-timestamp")
        return stated if isinstance(stated, str) else None

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.method} {self.path}"


@dataclass
class Exchange:
    """A request and what became of it.

    Attributes:
        status: of the answer; None when the connection was closed without one.
        told: its body.
        lost: the body of an answer that was dropped after all was done.
        headers: of the answer, those that matter.
        answered_at: seconds on the monotonic clock.
    """

    request: Request
    status: int | None = None
    told: Any = None
    lost: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    answered_at: float = 0.0

    @property
    def handed(self) -> list[Json]:
        """The jobs that its answer handed out, or would have, had it not been lost."""
        told = self.told if self.told is not None else self.lost
        return list(told.get("jobs", ())) if isinstance(told, dict) else []

    @property
    def reason(self) -> str | None:
        """Why its answer hands out no jobs, if it says so."""
        metadata = self.told.get("metadata") if isinstance(self.told, dict) else None
        return metadata.get("reason") if metadata else None

    @property
    def code(self) -> str | None:
        """The word of the error that it was answered with."""
        error = self.told.get("error") if isinstance(self.told, dict) else None
        return error.get("code") if error else None


def _report_path(path: str) -> tuple[str, str] | None:
    parts = path.split("/")
    if len(parts) == 5 and parts[1] == "jobs" and parts[3:] == ["lease", "renew"]:
        return unquote(parts[2]), "renew"
    if len(parts) == 4 and parts[1] == "jobs" and parts[3] in OPERATIONS and parts[3] != "renew":
        return unquote(parts[2]), parts[3]
    return None


def _item(update: Json) -> Report:
    action = str(update.get("action"))
    body = {key: value for key, value in update.items() if key not in ("jobId", "action")}
    if action in ("start", "progress"):
        body = {"status": "running" if action == "start" else "preparing", "details": body}
    if action == "cancel":
        body["status"] = "cancelled"
    return _report(str(update.get("jobId")), _BATCH_OPERATIONS.get(action, action), body, update.get("leaseToken"))


def _report(job_id: str, operation: str, body: Json, lease_token: Any) -> Report:
    token = lease_token or body.get("leaseToken") or body.get("renewalToken")
    said = {key: value for key, value in body.items() if key not in _NOT_SAID}
    return Report(job_id, operation, said, token if isinstance(token, str) else None)
