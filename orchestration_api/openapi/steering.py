"""Jobs changed, cancelled and tried again."""

from typing import Any

from orchestration_api.openapi import examples
from orchestration_api.openapi.operation import OF_A_JOB, ONCE_PER_KEY, Answer, Operation
from orchestration_api.openapi.shapes import ref
from orchestration_api.serializers import Edit, Order

_PARAMETERS = ("Id", "IdempotencyKey", "RequestTimestamp")
_ERRORS = (*OF_A_JOB, "INVALID_TRANSITION", "CONFLICT")
_SCOPES = ("enqueue", "manage")


def _ordered(shown: dict[str, Any]) -> dict[int, Answer]:
    return {200: Answer(ref("Reported"), examples.reported(shown), headers=("Idempotency-Replayed",))}


OPERATIONS = (
    Operation(
        "PATCH",
        "/jobs/{id}",
        "editJob",
        "Steering",
        "Changes a job while it is queued.",
        scopes=_SCOPES,
        body=Edit,
        example={"priority": 90},
        parameters=("Id", "RequestTimestamp"),
        answers={200: Answer(ref("Reported"), examples.reported(examples.job(priority=90)))},
        errors=(*_ERRORS, "VALIDATION_MISSING_FIELD"),
    ),
    Operation(
        "POST",
        "/jobs/{id}/cancel",
        "cancelJob",
        "Steering",
        "Cancels a queued job at once; of one that is held it asks its holder.",
        more="The holder is told with every answer, and 60 s later the sweep forces it.",
        scopes=_SCOPES,
        body=Order,
        example={"reason": "no longer needed"},
        needs_body=False,
        parameters=_PARAMETERS,
        answers=_ordered(examples.job(status="cancelled", completedAt=examples.LATER)),
        errors=(*_ERRORS, *ONCE_PER_KEY),
    ),
    Operation(
        "POST",
        "/jobs/{id}/retry",
        "retryJob",
        "Steering",
        "Queues a failed or cancelled job again, with at least one more attempt.",
        scopes=_SCOPES,
        body=Order,
        example={"reason": "the disk was full"},
        needs_body=False,
        parameters=_PARAMETERS,
        answers=_ordered(examples.job(epoch=1)),
        errors=(*_ERRORS, *ONCE_PER_KEY),
    ),
)
