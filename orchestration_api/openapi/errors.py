"""Every error code: what it means, what its details hold, and the answers made of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from jobs.models import BulkState, Scope, TriageState
from orchestration_api.exceptions import STATUS_OF
from orchestration_api.openapi.envelopes import answering
from orchestration_api.openapi.examples import MOMENT
from orchestration_api.openapi.shapes import COUNT, TEXT, Schema, closed, described, list_of, nullable, ref, words

_TRACE = "32a266225efc843e3f48c9dac06c950d"


@dataclass(frozen=True)
class Error:
    """
    Attributes:
        meaning: why it is answered, and what to do.
        details: what `details` may hold, each key on its own.
        always: keys of `details` that are never missing.
        example: of `details`.
        headers: of such an answer, besides those of every answer.
    """

    meaning: str
    details: dict[str, Schema] = field(default_factory=dict)
    always: tuple[str, ...] = ()
    example: dict[str, Any] = field(default_factory=dict)
    headers: tuple[str, ...] = ()


_FIELDS = {
    "type": "object",
    "additionalProperties": list_of(TEXT),
    "description": "By the path of the field: what is wrong with it. Open: the paths are those of the request.",
}
_STATUS = ref("Status", "What the job was judged by.")
_ABANDON = {"const": "abandon", "description": "Stop the work and forget the job."}
_STOP: dict[str, Any] = {"nextAction": "abandon"}
_OUTCOME = closed(
    {
        "status": ref("Status"),
        "exitCode": nullable({"type": "integer"}),
        "error": nullable(TEXT),
        "errorCategory": nullable(ref("Category")),
        "attempts": COUNT,
        "completedAt": nullable(ref("Time")),
        "errorBytes": described(COUNT, "How long `error` is as UTF-8, where it is shortened."),
    },
    "How the run ended.",
    optional=("errorBytes",),
)
_SCOPES = list_of(words(*Scope))


def _lost(meaning: str) -> Error:
    return Error(meaning, {"status": _STATUS, "nextAction": _ABANDON}, ("nextAction",), {"status": "running", **_STOP})


ERRORS: dict[str, Error] = {
    "VALIDATION_INVALID_PARAMS": Error(
        "A value is not what it must be; nothing was changed.",
        {"fields": _FIELDS},
        example={"fields": {"priority": ["Ensure this value is less than or equal to 100."]}},
    ),
    "VALIDATION_MISSING_FIELD": Error(
        "A field that is needed is missing, null or empty.",
        {"fields": _FIELDS},
        ("fields",),
        {"fields": {"type": ["This field is required."]}},
    ),
    "ORCHESTRATOR_ID_REQUIRED": Error("Say who you are: X-Orchestrator-ID, or `orchestratorId` in the body."),
    "TIMESTAMP_OUT_OF_RANGE": Error(
        "The time at which it was sent is too far from the server's. Stamp each try anew, and check the clock.",
        {"serverTime": ref("Time")},
        ("serverTime",),
        {"serverTime": MOMENT},
    ),
    "AUTH_INVALID_TOKEN": Error("There is no token, or one that is not valid.", headers=("WWW-Authenticate",)),
    "AUTH_EXPIRED_TOKEN": Error(
        "The token was good until a time that has passed. Ask for a new one.",
        {"expiredAt": ref("Time")},
        ("expiredAt",),
        {"expiredAt": MOMENT},
        headers=("WWW-Authenticate",),
    ),
    "AUTHZ_INSUFFICIENT_PERMISSIONS": Error(
        "The token may not do that; or the call came over plain HTTP where HTTPS is required.",
        {"needed": {**_SCOPES, "description": "Any of these opens it."}, "scopes": {**_SCOPES, "description": "What the token has."}},
        example={"needed": ["enqueue", "manage"], "scopes": ["read"]},
    ),
    "ORCHESTRATOR_MISMATCH": Error(
        "Token, header and body do not name the same orchestrator. Those that name one:",
        {"token": TEXT, "header": TEXT, "body": TEXT},
        example={"header": "worker-7", "body": "worker-8"},
    ),
    "NOT_JOB_OWNER": Error("Another holds the job, or nobody.", {"nextAction": _ABANDON}, ("nextAction",), _STOP),
    "JOB_NOT_FOUND": Error("There is no such job, or none within the token's reach."),
    "RESOURCE_NOT_FOUND": Error("There is nothing at this address; an id with a slash in it makes such a one."),
    "METHOD_NOT_ALLOWED": Error("The address does not take that method.", headers=("Allow",)),
    "INVALID_TRANSITION": Error(
        "That may not follow the status that the job has.",
        {
            "status": _STATUS,
            "requested": {"type": "string", "description": "The status asked for, or the act."},
            "allowed": list_of(ref("Status"), "What may follow."),
        },
        ("status", "requested", "allowed"),
        {"status": "completed", "requested": "cancelled", "allowed": []},
    ),
    "ALREADY_FINISHED": Error(
        "This run was reported as ended before, and otherwise; the first report stands.",
        {"status": _STATUS, "outcome": _OUTCOME, "nextAction": _ABANDON},
        ("outcome", "nextAction"),
        {
            "status": "completed",
            "outcome": {
                "status": "completed",
                "exitCode": 0,
                "error": None,
                "errorCategory": None,
                "attempts": 0,
                "completedAt": MOMENT,
            },
            **_STOP,
        },
    ),
    "CONFLICT": Error(
        "The job is not as the caller takes it to be: it has changed, or has failed too often for that; or another job that has not ended "
        "has its unique key. Read it again, then decide. A bulk operation: it is over, or more jobs match than it may have, "
        "or another number than was expected.",
        {
            "status": _STATUS,
            "updatedAt": ref("Time"),
            "jobId": nullable(ref("JobId", "The job that has the unique key; null: another one of the same list.")),
            "uniqueKey": TEXT,
            "matching": described(COUNT, "So many jobs match."),
            "most": described(COUNT, "So many a bulk operation may have."),
            "operationId": ref("BulkId", "By which the failure group is being retried already."),
            "state": words(*BulkState, *TriageState, said="Of the bulk operation or failure group, from which that is not possible."),
        },
        example={"status": "queued", "updatedAt": MOMENT},
    ),
    "LEASE_LOST": _lost("The lease token is of an earlier claim, or forged."),
    "LEASE_EXPIRED": _lost("The lease has run out."),
    "LENGTH_REQUIRED": Error("Send the body with a Content-Length, not in chunks."),
    "PAYLOAD_TOO_LARGE": Error(
        "The body is too long; or payload and metadata are, so that no claim could hand them out.",
        {"limit": {**COUNT, "description": "In bytes."}, "length": {**COUNT, "description": "In bytes."}},
        ("limit", "length"),
        {"limit": 1048576, "length": 2000000},
    ),
    "UNSUPPORTED_MEDIA_TYPE": Error("Send application/json in UTF-8, without content encoding."),
    "INVALID_UNICODE": Error(
        "A string or key holds a NUL or half a surrogate pair.",
        {"field": {"type": "string", "description": "Its path."}},
        ("field",),
        {"field": "metadata.note"},
    ),
    "IDEMPOTENCY_MISMATCH": Error("The Idempotency-Key was used for another call. Choose a new one for each thing to be done."),
    "LEASE_TOKEN_REQUIRED": Error("Send the lease token of the claim: as X-Lease-Token, or as `leaseToken`."),
    "RATE_LIMIT_EXCEEDED": Error(
        "Too many wrong tokens came from this address. A valid one is never refused for that.",
        {"retryAfterSeconds": {"type": "integer", "minimum": 1}},
        ("retryAfterSeconds",),
        {"retryAfterSeconds": 42},
        headers=("Retry-After",),
    ),
    "INTERNAL_ERROR": Error("Our fault. The trace id finds it in the log."),
    "SERVICE_UNAVAILABLE": Error("The database can't be reached. Send the same request again.", headers=("Retry-After",)),
    "OUTCOME_UNKNOWN": Error(
        "The change was made, but its copy is not confirmed, so that it may yet be lost. Send the same request again.",
        headers=("Retry-After",),
    ),
}


def name_of(code: str) -> str:
    """`LEASE_LOST` → `LeaseLostError`: the components that describe it."""
    return "".join(word.capitalize() for word in code.removesuffix("_ERROR").split("_")) + "Error"


def schema_of(code: str) -> Schema:
    """The one error shape, with this code."""
    error = ERRORS[code]
    details = closed(error.details, optional=[name for name in error.details if name not in error.always])
    body = {
        "code": {"const": code},
        "message": {"type": "string", "description": "For a person: what is wrong and what to do."},
        "details": {**details, "description": "For a program."},
        "timestamp": ref("Time"),
        "traceId": ref("RequestId", "The request id; it finds the request in the server's log."),
    }
    return answering({"error": closed(body)}, error.meaning)


def example_of(code: str) -> dict[str, Any]:
    error = ERRORS[code]
    body = {"code": code, "message": error.meaning, "details": error.example, "timestamp": MOMENT, "traceId": _TRACE}
    return {"summary": code, "value": {"error": body}}


def answers_for(codes: Iterable[str]) -> dict[str, Schema]:
    """The answers that tell these codes, by HTTP status.

    A status with one code is the component of that code; one with several is any of them.
    """
    by_status = groupby(sorted(codes, key=lambda code: (STATUS_OF[code], code)), key=STATUS_OF.__getitem__)
    return {str(status): _answer(list(of_status)) for status, of_status in by_status}


def response_of(codes: list[str]) -> Schema:
    """An answer that tells one of these codes, written out."""
    schemas = [ref(name_of(code)) for code in codes]
    names = dict.fromkeys(("X-Request-ID", "Cache-Control", *(name for code in codes for name in ERRORS[code].headers)))
    return {
        "description": "\n".join(f"- `{code}`: {ERRORS[code].meaning}" for code in codes),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {
            "application/json": {
                "schema": schemas[0] if len(schemas) == 1 else {"oneOf": schemas},
                "examples": {code: {"$ref": f"#/components/examples/{name_of(code)}"} for code in codes},
            }
        },
    }


def _answer(codes: list[str]) -> Schema:
    return {"$ref": f"#/components/responses/{name_of(codes[0])}"} if len(codes) == 1 else response_of(codes)
