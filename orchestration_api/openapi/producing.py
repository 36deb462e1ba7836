"""POST /jobs, and running a finished job again."""

from orchestration_api.openapi import examples
from orchestration_api.openapi.operation import OF_A_JOB, ONCE_PER_KEY, Answer, Operation, link
from orchestration_api.openapi.shapes import list_of, ref
from orchestration_api.serializers import NewJobRequest, RunAgain

_THE_JOB = "$response.body#/job/id"
_LINKS = {
    "read": link("getJob", id=_THE_JOB),
    "history": link("getHistory", id=_THE_JOB),
    "edit": link("editJob", id=_THE_JOB),
    "cancel": link("cancelJob", id=_THE_JOB),
}

OPERATIONS = (
    Operation(
        "POST",
        "/jobs",
        "createJobs",
        "Producing",
        "Puts a job into the queue, or a list of up to 1000.",
        more="All of a list are made or none; their ids ascend in the order sent.",
        scopes=("enqueue",),
        body=NewJobRequest,
        schema={"oneOf": [ref("NewJobRequest"), list_of(ref("NewJobRequest"), maxItems=1000)]},
        example={"type": "report", "payload": {"customer": 42}, "metadata": {"team": "sales"}, "maxAttempts": 2},
        parameters=("IdempotencyKey", "RequestTimestamp"),
        answers={
            201: Answer(
                {"oneOf": [ref("MadeJob"), ref("MadeJobs")]},
                {"job": examples.whole()},
                "Made.",
                links=_LINKS,
                headers=("Idempotency-Replayed",),
            )
        },
        errors=("VALIDATION_MISSING_FIELD", "CONFLICT", *ONCE_PER_KEY),
    ),
    Operation(
        "POST",
        "/jobs/{id}/run-again",
        "runAgain",
        "Producing",
        "Makes a new job like a finished one.",
        more="The finished one never changes any more; the new one names it as `retriedFrom`, and has its unique key.",
        scopes=("enqueue", "manage"),
        body=RunAgain,
        example={"priority": 80},
        needs_body=False,
        parameters=("Id", "IdempotencyKey", "RequestTimestamp"),
        answers={
            201: Answer(
                ref("MadeJob"),
                {"job": examples.whole(priority=80, retriedFrom="job_01M8539F22DF0DK63H31R94XA4")},
                "Made.",
                links=_LINKS,
                headers=("Idempotency-Replayed",),
            )
        },
        errors=(*OF_A_JOB, "INVALID_TRANSITION", "CONFLICT", *ONCE_PER_KEY),
    ),
)
