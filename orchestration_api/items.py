"""One item of a batch: read as the single call reads its body."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rest_framework.exceptions import ValidationError

from jobs.ids import is_id
from jobs.lifecycle import JobNotFound, Status
from jobs.transitions import Ruling
from orchestration_api import reporting
from orchestration_api.exceptions import WireError
from orchestration_api.parsers import mended
from orchestration_api.reporting import Operation
from orchestration_api.serializers import BatchItem, StatusDetails
from orchestration_api.shapes import the

Mend = Callable[[Any, Collection[tuple[str, ...]]], tuple[Any, list[str]]]
# An id that is none is told back only so far.
_LONGEST_ID = 200
_DETAILS = frozenset(StatusDetails().fields)
# What makes an update one of a batch; without it stands the body of the single call.
_OF_THE_BATCH = frozenset({"jobId", "action"})


@dataclass(frozen=True)
class Action:
    """A word of a batch: the single call it stands for.

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


@dataclass(kw_only=True)
class Update:
    """A report as the single call would have sent it.

    Attributes:
        body: by which the same report is known again.
        fields: it, validated.
        unknown: keys of the item that mean nothing.
        replaced: paths of what was mended in it.
    """

    job_id: str
    operation: Operation
    body: dict[str, Any]
    fields: dict[str, Any]
    unknown: list[str]
    replaced: list[str]


@dataclass
class Item:
    """
    Attributes:
        job_id: as sent, for the answer; None where none was.
        update: what is reported; None where it could not be read.
        problem: why it could not be read, or was refused.
        ruling: what the door said of it.
    """

    job_id: str | None = None
    update: Update | None = None
    problem: Exception | None = None
    ruling: Ruling | None = None


class ItemReader:
    """Reads the items of one batch.

    Args:
        orchestrator_id: who sends them.
        check_time: raises where the time is refused that an item states, or does not.
        mend: an item, and the paths of what was mended in it; as `parsers.mend_text`.
    """

    def __init__(self, *, orchestrator_id: str, check_time: Callable[[datetime | None], None], mend: Mend) -> None:
        self._orchestrator_id = orchestrator_id
        self._check_time = check_time
        self._mend = mend

    def read(self, sent: Any) -> Item:
        """An item, or what is wrong with it: that harms no other."""
        job_id = sent.get("jobId") if isinstance(sent, dict) else None
        item = Item(mended(job_id)[:_LONGEST_ID] if isinstance(job_id, str) else None)
        try:
            item.update = self._update(sent)
        except (WireError, ValidationError, JobNotFound) as problem:
            item.problem = problem
        return item

    def _update(self, sent: Any) -> Update:
        """In the order of the contract: what can't be text, who speaks, the fields, the time, the job."""
        if not isinstance(sent, dict):
            raise WireError("VALIDATION_INVALID_PARAMS", "An update must be an object.")
        sent, replaced = self._mend(sent, reporting.LENIENT)
        if isinstance(name := sent.get("orchestratorId"), str) and name != self._orchestrator_id:
            raise WireError("ORCHESTRATOR_MISMATCH", "The update names another orchestrator than the one that sends it.", body=name[:128])
        named = the(BatchItem).read({key: sent[key] for key in _OF_THE_BATCH & sent.keys()}).fields
        action = ACTIONS.get(named["action"])
        if action is None:
            raise ValidationError({"action": [f"must be one of {', '.join(ACTIONS)}"]})
        body = _as_single(action, sent)
        fields, unknown = the(action.operation.shape).read(body)
        self._check_time(fields.get("stated_at"))
        if not is_id(named["job_id"]):
            raise JobNotFound("There is no such job.", job_id=named["job_id"])
        return Update(job_id=named["job_id"], operation=action.operation, body=body, fields=fields, unknown=unknown, replaced=replaced)


def _as_single(action: Action, sent: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the single call: so both give the same answer, and either is known again as the replay of the other."""
    body = {key: value for key, value in sent.items() if key not in _OF_THE_BATCH}
    if action.status is None and action.operation is not reporting.PROGRESS:
        return body
    # What the single call has in `details` may as well stand in the item itself.
    beside = {key: body.pop(key) for key in _DETAILS & body.keys()}
    inside = body.get("details")
    if isinstance(inside, dict | None) and (told := {**(inside or {}), **beside}):
        body["details"] = told
    return body | ({"status": action.status} if action.status else {})
