"""What the table says of one operation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestration_api.middleware import DOOR
from orchestration_api.openapi.nouns import ID_PATTERN
from orchestration_api.openapi.shapes import Schema, ref
from orchestration_api.shapes import WireSerializer

# Whoever calls, whatever is asked.
ALWAYS = (
    "VALIDATION_INVALID_PARAMS",
    "AUTH_INVALID_TOKEN",
    "AUTH_EXPIRED_TOKEN",
    "AUTHZ_INSUFFICIENT_PERMISSIONS",
    "METHOD_NOT_ALLOWED",
    "RATE_LIMIT_EXCEEDED",
    "INTERNAL_ERROR",
    "SERVICE_UNAVAILABLE",
)
WITH_A_BODY = ("TIMESTAMP_OUT_OF_RANGE", "LENGTH_REQUIRED", "PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "INVALID_UNICODE")
OF_A_JOB = ("JOB_NOT_FOUND", "RESOURCE_NOT_FOUND")
OF_A_CHANGE = ("OUTCOME_UNKNOWN",)
OF_AN_ORCHESTRATOR = ("ORCHESTRATOR_ID_REQUIRED", "ORCHESTRATOR_MISMATCH")
# A bound token must also say when it reports.
OF_A_REPORT = (*OF_AN_ORCHESTRATOR, "VALIDATION_MISSING_FIELD")
OF_A_LEASE = ("NOT_JOB_OWNER", "ALREADY_FINISHED", "LEASE_LOST", "LEASE_EXPIRED", "CONFLICT", "LEASE_TOKEN_REQUIRED")
ONCE_PER_KEY = ("IDEMPOTENCY_MISMATCH",)


@dataclass(frozen=True)
class Answer:
    """
    Attributes:
        schema: of the body.
        example: one such body.
        said: when it is given.
        links: by name: which operation goes on from here, and with what of this answer.
        headers: components of HEADERS, besides those of every answer.
    """

    schema: Schema
    example: Any
    said: str = "Done."
    kind: str = "application/json"
    links: Mapping[str, Schema] = field(default_factory=dict)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """
    Attributes:
        path: below the base path, unless `base` is another.
        name: its operationId.
        tag: a word of TAGS.
        does: what it does, in a few words.
        more: what else there is to know.
        scopes: a token needs one of them.
        body: the shape of the request; `schema` where a serializer alone doesn't say it.
        example: of the request body.
        needs_body: an empty body does not stand for {}.
        parameters: components of PARAMETERS by name, or whole ones.
        errors: codes besides those of ALWAYS and, with a body, WITH_A_BODY and OF_A_CHANGE.
    """

    method: str
    path: str
    name: str
    tag: str
    does: str
    scopes: tuple[str, ...]
    answers: Mapping[int, Answer]
    more: str = ""
    body: type[WireSerializer] | None = None
    schema: Schema | None = None
    example: Any = None
    needs_body: bool = True
    parameters: tuple[str | Schema, ...] = ()
    errors: tuple[str, ...] = ()
    base: str = DOOR
    deprecated: bool = False

    @property
    def address(self) -> tuple[str, str]:
        """Method and whole path: the key of the table."""
        return self.method, self.base + self.path

    @property
    def codes(self) -> tuple[str, ...]:
        """Every error code that it may answer with."""
        return tuple(dict.fromkeys((*ALWAYS, *((*WITH_A_BODY, *OF_A_CHANGE) if self.takes_body else ()), *self.errors)))

    @property
    def takes_body(self) -> bool:
        return self.body is not None or self.schema is not None


def link(operation: str, body: Any = None, **parameters: str) -> Schema:
    """A way on: the operation, and where in this answer what it needs stands."""
    told: Schema = {"operationId": operation}
    if parameters:
        told["parameters"] = {name.replace("_", "-"): expression for name, expression in parameters.items()}
    return told if body is None else {**told, "requestBody": body}


def query(name: str, schema: Schema, said: str) -> Schema:
    """A parameter in the query; of a list, its items are separated by commas."""
    told = {"in": "query", "name": name, "schema": schema, "description": said}
    return {**told, "style": "form", "explode": False} if schema.get("type") == "array" else told


def _header(name: str, schema: Schema, said: str) -> Schema:
    return {"in": "header", "name": name, "required": False, "schema": schema, "description": said}


_TEXT: Schema = {"type": "string"}
_ORCHESTRATOR: Schema = {"type": "string", "pattern": ID_PATTERN.replace("+", "*"), "maxLength": 128}
PARAMETERS: dict[str, Schema] = {
    "Id": {"in": "path", "name": "id", "required": True, "schema": ref("JobId"), "description": "Of the job."},
    "BulkId": {"in": "path", "name": "id", "required": True, "schema": ref("BulkId"), "description": "Of the bulk operation."},
    "Fingerprint": {
        "in": "path",
        "name": "fingerprint",
        "required": True,
        "schema": ref("Fingerprint"),
        "description": "Of the failure group.",
    },
    "Orchestrator": _header(
        "X-Orchestrator-ID",
        _ORCHESTRATOR,
        "Who claims and reports. Needed with the shared key; a token bound to an orchestrator speaks for that one, and for no other.",
    ),
    "OrchestratorOrBody": _header(
        "X-Orchestrator-ID",
        _ORCHESTRATOR,
        "Who claims and reports. Needed with the shared key, or `orchestratorId` in the body where it is missing or empty; a token bound "
        "to an orchestrator speaks for that one, and for no other.",
    ),
    "LeaseToken": _header(
        "X-Lease-Token",
        _TEXT,
        "The token of the claim. It tells this claim from an earlier one: send it always. With a bound token it is needed, here or in the "
        "body.",
    ),
    "RequestTimestamp": _header(
        "X-Request-Timestamp",
        {"type": "string", "format": "date-time"},
        "When this was sent, with an offset: stamp each try anew. Too far from the server's time is refused. Reports with a bound token "
        "need it, or `timestamp` in the body.",
    ),
    "IdempotencyKey": _header(
        "Idempotency-Key",
        # (Spaces around the value of a header are no part of it.)
        {"type": "string", "pattern": "^[!-~]([ -~]*[!-~])?$", "minLength": 1, "maxLength": 255},
        "Names this call among the caller's own for 24 h: the same call again is answered like the first time, and done once. Only "
        "successes are kept.",
    ),
    "RequestId": _header(
        "X-Request-ID",
        _TEXT,
        "Names this request, in the answer and in the audit log, if it is 1 to 128 of `A-Z a-z 0-9 . _ : -`; else we name it.",
    ),
}
HEADERS: dict[str, Schema] = {
    "X-Request-ID": {"required": True, "schema": ref("RequestId"), "description": "Names this request."},
    "Cache-Control": {"required": True, "schema": {"const": "no-store"}, "description": "Nothing is kept on the way."},
    "Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 0}, "description": "Seconds to wait before the next try."},
    "WWW-Authenticate": {"required": True, "schema": _TEXT, "description": "A bearer token is asked for."},
    "Allow": {"required": True, "schema": _TEXT, "description": "The methods that the address takes."},
    "X-Total-Count": {
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
        "description": "How many there are, also beyond these.",
    },
    "Idempotency-Replayed": {"required": False, "schema": {"const": "true"}, "description": "This was done, and answered, before."},
}
TAGS = {
    "Producing": "Jobs come in.",
    "Claiming": "Orchestrators get their work.",
    "Reporting": "What the holder of a job says of it.",
    "Reading": "What there is, and what happened.",
    "Steering": "Jobs are changed, cancelled, tried again.",
    "Bulk operations": "One act on many jobs: shown first, confirmed, then carried out a batch at a time.",
    "Triage": "Failures that are alike, and what people make of them.",
    "Orchestrators": "What orchestrators say of themselves, and whether we are there.",
}
