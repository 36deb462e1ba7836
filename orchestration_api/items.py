"""One item of a batch: read as the single call reads its body, and answered for itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rest_framework.exceptions import ValidationError

from jobs.ids import is_id
from jobs.lifecycle import JobNotFound, Status
from jobs.transitions import Ruling
from orchestration_api import reporting
from orchestration_api.exceptions import WireError
from orchestration_api.fields import WireSerializer
from orchestration_api.parsers import mend_text, mended
from orchestration_api.reporting import Operation
from orchestration_api.serializers import StatusDetails

# An id that is none is told back only so far.
_LONGEST_ID = 200
_DETAILS = frozenset(StatusDetails().fields)


@dataclass(frozen=True)
class Action:
    """A word of a batch, and the single call it stands for.

    Attributes:
        status: the word of `PUT status` where that is the call; its details may then stand in the item itself.
    """

    operation: Operation
    status: str | None = None


ACTIONS = {
    "start": Action(reporting.STATUS, Status.RUNNING),
    "complete": Action(reporting.COMPLETE),
    "fail": Action(reporting.FAIL),
    "cancel": Action(reporting.STATUS, Status.CANCELLED),
    "release": Action(reporting.RELEASE),
    "progress": Action(reporting.PROGRESS),
}


@dataclass
class Item:
    """
    Attributes:
        job_id: as sent, for the answer; None where none was.
        problem: why it could not be read.
        operation, body, fields: what is reported, as the single call would have sent it.
        unknown: its keys that mean nothing.
        replaced: paths of what was mended in it.
        ruling: what the door said of it.
    """

    job_id: str | None = None
    problem: Exception | None = None
    operation: Operation = reporting.STATUS
    body: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    ruling: Ruling | None = None


class ItemReader:
    """Reads the items of one batch.

    Args:
        orchestrator_id: who sends them.
        check_time: raises where the time that an item states is refused.
    """

    def __init__(self, *, orchestrator_id: str, check_time: Callable[[Mapping[str, Any]], None]) -> None:
        self.orchestrator_id = orchestrator_id
        self.check_time = check_time
        # One serializer of each shape: to make one costs more than to use it.
        self.serializers: dict[type[WireSerializer], WireSerializer] = {}

    def read(self, sent: Any) -> Item:
        """An item, or what is wrong with it: that harms no other."""
        item = Item()
        try:
            self._read(sent, item)
        except (WireError, ValidationError, JobNotFound) as problem:
            item.problem = problem
        return item

    def _read(self, sent: Any, item: Item) -> None:
        if not isinstance(sent, dict):
            raise WireError("VALIDATION_INVALID_PARAMS", "An update must be an object.")
        job_id, word = sent.get("jobId"), sent.get("action")
        item.job_id = mended(job_id)[:_LONGEST_ID] if isinstance(job_id, str) else None
        sent, item.replaced = mend_text(sent, reporting.LENIENT)
        if isinstance(name := sent.get("orchestratorId"), str) and name != self.orchestrator_id:
            raise WireError("ORCHESTRATOR_MISMATCH", "The update names another orchestrator than the one that sends it.", body=name[:128])
        for key, value in (("jobId", job_id), ("action", word)):
            if value is None:
                raise ValidationError({key: ["is needed"]}, code="required")
        if not isinstance(job_id, str):
            raise ValidationError({"jobId": ["must be a string"]})
        action = ACTIONS.get(word) if isinstance(word, str) else None
        if action is None:
            raise ValidationError({"action": [f"must be one of {', '.join(ACTIONS)}"]})
        item.operation, item.body = action.operation, _as_single(action, sent)
        item.fields, item.unknown = self._validated(item.operation.shape, item.body)
        self.check_time(item.fields)
        if not is_id(job_id):
            raise JobNotFound("There is no such job.", job_id=job_id)

    def _validated(self, shape: type[WireSerializer], body: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        if shape not in self.serializers:
            self.serializers[shape] = shape()
        serializer = self.serializers[shape]
        fields: dict[str, Any] = serializer.run_validation(body)
        return fields, serializer.unknown


def _as_single(action: Action, sent: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the single call: so both give the same answer, and either is known again as the replay of the other."""
    body = {key: value for key, value in sent.items() if key not in ("jobId", "action")}
    if action.status is None and action.operation is not reporting.PROGRESS:
        return body
    beside = {key: body.pop(key) for key in _DETAILS & body.keys()}
    inside = body.get("details")
    if isinstance(inside, dict | None) and (told := {**(inside or {}), **beside}):
        body["details"] = told
    return body | ({"status": action.status} if action.status else {})
