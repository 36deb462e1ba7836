"""What a holder may say of a job, as one table: how a report is read and what the door is asked for it, by itself or in a batch."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from jobs.lifecycle import HOLD, Status
from jobs.outcomes import Report, judge
from jobs.progress import Note
from jobs.transitions import Step
from orchestration_api.serializers import Acknowledgement, Completion, Failure, ProgressReport, Release, StatusReport
from orchestration_api.shapes import WireSerializer

Fields = Mapping[str, Any]
Asked = tuple[Step, Note | None]
# Paths in a body where a verdict must never be lost for its bytes.
_WORDS = ("output", "error", "message")
LENIENT = frozenset({*((name,) for name in _WORDS), *(("details", name) for name in _WORDS)})
# When it was sent and by whom is not what it says.
_NOT_DIGESTED = ("timestamp", "leaseToken", "orchestratorId")
_EXTRAS = {"metrics": "metrics", "artifacts": "artifacts", "script_output": "scriptOutput", "condition": "condition"}
_REPORTED = ("status", "exit_code", "error", "output", "category", "message", "retryable", "retry_after_seconds")


@dataclass(frozen=True)
class Operation:
    """One kind of report.

    Attributes:
        name: under which it is digested: the same fields of another operation are another report.
        shape: of its body.
        ask: the step that it asks for of a job, and what it notes beside.
    """

    name: str
    shape: type[WireSerializer]
    ask: Callable[[str, Fields], Asked]

    def asked(self, job_id: str, fields: Fields, *, body: Mapping[str, Any], orchestrator_id: str, **signature: Any) -> Asked:
        """What the door is asked.

        Args:
            fields: of the validated body.
            body: as sent, by which the same report is known again.
            signature: epoch, stated_at and expected_updated_at: of which claim and which state of the job it speaks.
        """
        step, note = self.ask(job_id, fields)
        return msgspec.structs.replace(step, digest=digest(self.name, orchestrator_id, body), **signature), note


def digest(operation: str, orchestrator_id: str, body: Mapping[str, Any]) -> str:
    """SHA-256 in hex of operation, orchestrator and body (all but when it was sent, and its token): the same for the same report."""
    said = {key: value for key, value in body.items() if value is not None and key not in _NOT_DIGESTED}
    return hashlib.sha256(msgspec.json.encode([operation, orchestrator_id, said], order="sorted")).hexdigest()


def _acknowledge(job_id: str, fields: Fields) -> Asked:
    return Step(job_id=job_id, action="acknowledge"), None


def _status(job_id: str, fields: Fields) -> Asked:
    word, details = fields["status"], fields.get("details", {})
    if word == "acknowledged":
        return _acknowledge(job_id, fields)
    if word == "preparing":
        return Step(job_id=job_id, action=HOLD), _note({"phase": word, **details})
    if word == Status.RUNNING:
        return Step(job_id=job_id, action="start", reason=details.get("message")), _note(details)
    if word in (Status.QUEUED, Status.CLAIMED):
        # Back to queued leads only a release, to claimed only a claim: the door lets neither word in.
        return Step(job_id=job_id, action=word), None
    return _end(job_id, {**details, "status": word})


def _progress(job_id: str, fields: Fields) -> Asked:
    return Step(job_id=job_id, action=HOLD), _note(fields["details"])


def _end(job_id: str, fields: Fields) -> Asked:
    report = Report(
        **{name: fields[name] for name in _REPORTED if name in fields},
        extras={wire: fields[name] for name, wire in _EXTRAS.items() if name in fields}
        | ({"items": dict(fields["items"])} if "items" in fields else {}),
    )
    return Step.ending(judge(report), job_id=job_id), None


def _fail(job_id: str, fields: Fields) -> Asked:
    return _end(job_id, {**fields, "status": "failed"})


def _release(job_id: str, fields: Fields) -> Asked:
    return Step(job_id=job_id, action="release", reason=fields.get("message")), None


def _note(details: Fields) -> Note | None:
    noted = {name: details[name] for name in ("phase", "progress") if name in details}
    return Note(**noted) if noted else None


ACKNOWLEDGE = Operation("acknowledge", Acknowledgement, _acknowledge)
STATUS = Operation("status", StatusReport, _status)
PROGRESS = Operation("progress", ProgressReport, _progress)
COMPLETE = Operation("complete", Completion, _end)
FAIL = Operation("fail", Failure, _fail)
RELEASE = Operation("release", Release, _release)
