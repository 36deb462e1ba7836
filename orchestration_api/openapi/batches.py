"""Reports by the hundred, and a claim in the same round trip."""

from orchestration_api.items import ACTIONS
from orchestration_api.openapi import examples
from orchestration_api.openapi.envelopes import REMARKS, REPLAYED, answering, claimed
from orchestration_api.openapi.operation import OF_A_LEASE, OF_A_REPORT, Answer, Operation
from orchestration_api.openapi.shapes import COUNT, FLAG, TEXT, Schema, closed, described, list_of, nullable, opened, ref, words
from orchestration_api.serializers import Batch

_CODES_OF_AN_ITEM = (
    "VALIDATION_INVALID_PARAMS",
    "VALIDATION_MISSING_FIELD",
    "INVALID_UNICODE",
    "ORCHESTRATOR_MISMATCH",
    "TIMESTAMP_OUT_OF_RANGE",
    "JOB_NOT_FOUND",
    "INVALID_TRANSITION",
    *OF_A_LEASE,
)
_REFUSAL = closed(
    {
        "code": words(*_CODES_OF_AN_ITEM),
        "message": TEXT,
        "details": opened("it depends on the code; empty where the answer would grow too large."),
        "timestamp": ref("Time"),
        "traceId": ref("RequestId"),
    },
    "As the single call would tell it.",
)
_RESULT = closed(
    {
        "jobId": nullable(described(TEXT, "As it was sent, shortened if it can't be an id; null where none was.")),
        "ok": described(FLAG, "It was taken, now or before."),
        "status": nullable(ref("Status", "Of the job as it is now; null where the item was not judged, or there is no such job.")),
        "nextAction": ref("NextAction"),
        "replayed": REPLAYED,
        "error": _REFUSAL,
        **REMARKS,
    },
    optional=("replayed", "error", *REMARKS),
)
_CLAIM = claimed("unavailable")
_REPORTED = answering(
    {
        "results": list_of(_RESULT, "In the order of the updates."),
        "applied": described(COUNT, "Reports that were taken, replays among them."),
        "rejected": COUNT,
        "ignored": ref("Ignored"),
        **_CLAIM,
    },
    "What became of each report, and what the claim won if there was one.",
    optional=("ignored", *_CLAIM),
)


def _by_action(word: str) -> Schema:
    """The fields that stand beside an action: those of its single call; where that is a status, its details may stand there themselves."""
    shape = ACTIONS[word].operation.shape.__name__
    said: dict[str, Schema] = {"action": {"const": word}}
    if shape in ("StatusReport", "ProgressReport"):
        return {**ref("StatusDetails"), "properties": {**said, "details": nullable(ref("StatusDetails"))}}
    return {**ref(shape), "properties": said}


COMPONENTS: dict[str, Schema] = {
    "Update": {
        "type": "object",
        "description": "One report. Open: beside these stand the fields of the single call; keys that mean nothing there are passed over.",
        "properties": {
            "jobId": described(TEXT, "Which job; each stands in a batch once."),
            "action": words(
                *ACTIONS, said="Which call it stands for: `start` and `cancel` are statuses, `progress` has phase or progress."
            ),
            "leaseToken": nullable(described(TEXT, "Proves the claim: send it always.")),
        },
        "required": ["jobId", "action"],
        "anyOf": [_by_action(word) for word in ACTIONS],
        "additionalProperties": ref("JSON"),
    },
}
OPERATIONS = (
    Operation(
        "POST",
        "/jobs/status",
        "reportBatch",
        "Reporting",
        "Takes up to 500 reports at once, in one transaction, and claims if asked to.",
        more="Each is judged as its single call would be; what is wrong with one harms no other. A body that does not parse, or more than "
        "500 items, is refused whole. The claim follows when the reports are committed.",
        scopes=("orchestrate",),
        body=Batch,
        example={"updates": [{"jobId": examples.JOB_ID, "leaseToken": examples.TOKEN, "action": "complete", "exitCode": 0}]},
        parameters=("OrchestratorOrBody", "RequestTimestamp"),
        answers={
            200: Answer(
                _REPORTED,
                {
                    "results": [{"jobId": examples.JOB_ID, "ok": True, "status": "completed", "nextAction": "continue"}],
                    "applied": 1,
                    "rejected": 0,
                },
                "What became of each.",
            )
        },
        errors=OF_A_REPORT,
    ),
)
