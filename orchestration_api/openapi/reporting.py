"""What the holder of a job says of it."""

from dataclasses import replace

from orchestration_api.openapi import examples
from orchestration_api.openapi.envelopes import REMARKS, SUCCESS, answering
from orchestration_api.openapi.operation import OF_A_JOB, OF_A_LEASE, OF_A_REPORT, Answer, Operation
from orchestration_api.openapi.shapes import COUNT, Schema, ref
from orchestration_api.serializers import Acknowledgement, Completion, Failure, LogEntries, Release, Renewal, StatusReport

_RENEWED = answering(
    {"success": SUCCESS, "lease": ref("RenewedLease"), "timestamp": ref("Time"), "nextAction": ref("NextAction"), **REMARKS},
    optional=tuple(REMARKS),
)
_APPENDED = answering(
    {
        "success": SUCCESS,
        "stored": {**COUNT, "description": "Lines that were new."},
        "duplicates": {**COUNT, "description": "Lines that were there already."},
        "nextSequence": {**COUNT, "description": "One past the highest stored."},
        "nextAction": ref("NextAction"),
        **REMARKS,
    },
    optional=tuple(REMARKS),
)
_PARAMETERS = ("Id", "OrchestratorOrBody", "LeaseToken", "RequestTimestamp")
_ERRORS = (*OF_A_JOB, *OF_A_REPORT, *OF_A_LEASE)
_AGAIN = "The same report again is answered like the first, with `replayed`, and writes nothing."
_LEASE = {**examples.LEASE, "renewalToken": examples.TOKEN}
_DONE = examples.held("completed", exitCode=0, startedAt=examples.MOMENT, completedAt=examples.LATER, leaseExpiresAt=None)
_QUEUED_AGAIN = examples.job(attempts=1, epoch=1, lastError="orders.csv: line 17", errorCategory="exit_code", exitCode=1)


def _answer(schema: Schema, example: object) -> dict[int, Answer]:
    return {200: Answer(schema, example)}


_RELEASE = Operation(
    "POST",
    "/jobs/{id}/release",
    "release",
    "Reporting",
    "Gives a job back to the queue, unharmed.",
    more=f"No attempt is counted. While a cancel is pending it ends the job cancelled. {_AGAIN}",
    scopes=("orchestrate",),
    body=Release,
    example={"message": "shutting down"},
    needs_body=False,
    parameters=_PARAMETERS,
    answers=_answer(ref("Reported"), examples.reported(examples.job(epoch=1))),
    errors=_ERRORS,
)

OPERATIONS = (
    Operation(
        "POST",
        "/jobs/{id}/acknowledge",
        "acknowledge",
        "Reporting",
        "Says that a claim has arrived: the lease lasts at least 300 s from now.",
        more=_AGAIN,
        scopes=("orchestrate",),
        body=Acknowledgement,
        example={"estimatedStartTime": examples.LATER},
        needs_body=False,
        parameters=_PARAMETERS,
        answers=_answer(ref("Acknowledged"), examples.reported(examples.held("claimed", acknowledgedAt=examples.MOMENT), lease=_LEASE)),
        errors=_ERRORS,
    ),
    Operation(
        "PUT",
        "/jobs/{id}/status",
        "reportStatus",
        "Reporting",
        "Says where a job stands: begun, in a phase, or how it ended.",
        more=f"`queued` and `claimed` are answered with INVALID_TRANSITION: no report leads there. The worst of status, error and exit "
        f"code wins. {_AGAIN}",
        scopes=("orchestrate",),
        body=StatusReport,
        example={"status": "running", "details": {"phase": "rendering"}},
        parameters=_PARAMETERS,
        answers=_answer(ref("Reported"), examples.reported(examples.held("running", startedAt=examples.MOMENT, phase="rendering"))),
        errors=(*_ERRORS, "INVALID_TRANSITION"),
    ),
    Operation(
        "POST",
        "/jobs/{id}/complete",
        "complete",
        "Reporting",
        "Ends a run with all that is known of it.",
        more=f"**The worst of status, error and exit code wins**: an exit code other than 0 is a failure, whatever the status says. On a "
        f"claimed job it is start and complete in one. {_AGAIN}",
        scopes=("orchestrate",),
        body=Completion,
        example={"exitCode": 0, "output": {"stdout": "128 rows", "stderr": ""}},
        parameters=_PARAMETERS,
        answers=_answer(ref("Reported"), examples.reported(_DONE)),
        errors=_ERRORS,
    ),
    Operation(
        "POST",
        "/jobs/{id}/fail",
        "fail",
        "Reporting",
        "Ends a run as failed; with attempts left the job is queued again in the same step.",
        more=_AGAIN,
        scopes=("orchestrate",),
        body=Failure,
        example={"error": "orders.csv: line 17", "exitCode": 1, "retryAfterSeconds": 0},
        parameters=_PARAMETERS,
        answers=_answer(ref("Reported"), examples.reported(_QUEUED_AGAIN, then="retry")),
        errors=_ERRORS,
    ),
    _RELEASE,
    replace(
        _RELEASE,
        base="",
        name="releaseWithoutBasePath",
        does="The same, where existing orchestrators post it.",
        more="New ones use the address below the base path.",
        # (Beyond its base path there are pages, whose errors are theirs.)
        errors=tuple(code for code in _RELEASE.errors if code != "RESOURCE_NOT_FOUND"),
        deprecated=True,
    ),
    Operation(
        "POST",
        "/jobs/{id}/lease/renew",
        "renewLease",
        "Reporting",
        "Prolongs one lease.",
        more="From the first renewal on, renewals and heartbeats alone keep it. Nothing lifts it past the job's timeout and 120 s.",
        scopes=("orchestrate",),
        body=Renewal,
        example={"renewalToken": examples.TOKEN, "extensionSeconds": 600},
        parameters=_PARAMETERS,
        answers=_answer(_RENEWED, {"success": True, "lease": _LEASE, "timestamp": examples.MOMENT, "nextAction": "continue"}),
        errors=_ERRORS,
    ),
    Operation(
        "POST",
        "/jobs/{id}/logs",
        "appendLogs",
        "Reporting",
        "Appends lines to the log of a run, each stored once per sequence.",
        more="Sending them again does no harm. They are taken from whoever holds or held that run, until 300 s after it ended.",
        scopes=("orchestrate",),
        body=LogEntries,
        example={"entries": [{"sequence": 0, "stream": "stdout", "line": "reading orders.csv"}]},
        parameters=_PARAMETERS,
        answers=_answer(_APPENDED, {"success": True, "stored": 1, "duplicates": 0, "nextSequence": 1, "nextAction": "continue"}),
        errors=_ERRORS,
    ),
)
