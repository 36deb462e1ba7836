"""From what went wrong to the answer: one shape, `{"error": {code, message, details, timestamp, traceId}}`, whatever it was."""

import logging
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.response import Response

from jobs.bulk import MOST, NotNow, OtherNumber, TooManyJobs
from jobs.lifecycle import (
    AlreadyFinished,
    InvalidTransition,
    JobNotFound,
    KeyTaken,
    LeaseTokenRequired,
    NotJobOwner,
    TransitionRefused,
    allowed_from,
)
from jobs.times import now, written
from jobs.transitions import Ended
from orchestration_api.outages import outage_in

log = logging.getLogger(__name__)

STATUS_OF = {
    "VALIDATION_INVALID_PARAMS": 400,
    "VALIDATION_MISSING_FIELD": 400,
    "ORCHESTRATOR_ID_REQUIRED": 400,
    "TIMESTAMP_OUT_OF_RANGE": 400,
    "AUTH_INVALID_TOKEN": 401,
    "AUTH_EXPIRED_TOKEN": 401,
    "AUTHZ_INSUFFICIENT_PERMISSIONS": 403,
    "ORCHESTRATOR_MISMATCH": 403,
    "NOT_JOB_OWNER": 403,
    "JOB_NOT_FOUND": 404,
    "RESOURCE_NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "INVALID_TRANSITION": 409,
    "ALREADY_FINISHED": 409,
    "CONFLICT": 409,
    "LEASE_LOST": 409,
    "LEASE_EXPIRED": 409,
    "LENGTH_REQUIRED": 411,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "INVALID_UNICODE": 422,
    "IDEMPOTENCY_MISMATCH": 422,
    "LEASE_TOKEN_REQUIRED": 428,
    "RATE_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "SERVICE_UNAVAILABLE": 503,
    "OUTCOME_UNKNOWN": 503,
}
# Of every 401 (RFC 6750).
CHALLENGE = 'Bearer realm="jobsite"'
# Seconds, of every 503.
RETRY_AFTER = 2
# Errors after which the caller drops the job.
_STOP = {"NOT_JOB_OWNER", "ALREADY_FINISHED", "LEASE_LOST", "LEASE_EXPIRED"}
# Of an error, where a refusal tells the outcome; the whole of it is at GET /jobs/{id}.
_LONGEST_ERROR = 2000


class WireError(Exception):
    """An answer other than 2xx.

    Args:
        code: a word of the contract; it decides the HTTP status.
        message: for a person: what is wrong and what to do.
        details: for a program.
    """

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


def answer(problem: Exception, context: dict[str, Any]) -> Response:
    """The answer to any exception of a view (Django REST framework's EXCEPTION_HANDLER)."""
    error = as_wire_error(problem)
    request = context["request"]
    response = Response(body_of(error, request.META["jobsite.request_id"]), status=STATUS_OF[error.code])
    if response.status_code == 401:
        response["WWW-Authenticate"] = CHALLENGE
    if response.status_code in (429, 503):
        response["Retry-After"] = str(error.details.get("retryAfterSeconds", RETRY_AFTER))
    if isinstance(problem, drf.MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    return response


def body_of(error: WireError, trace_id: str) -> dict[str, Any]:
    """The one error shape."""
    return {
        "error": {"code": error.code, "message": error.message, "details": error.details, "timestamp": written(now()), "traceId": trace_id}
    }


def as_wire_error(problem: Exception) -> WireError:
    """What an exception is on the wire; one that nobody foresaw is logged and says nothing of itself."""
    if isinstance(problem, WireError):
        return problem
    if isinstance(problem, TransitionRefused):
        return _refused(problem)
    if isinstance(problem, TooManyJobs):
        return WireError("CONFLICT", str(problem), matching=problem.matching, most=MOST)
    if isinstance(problem, OtherNumber):
        return WireError("CONFLICT", str(problem), matching=problem.matching)
    if isinstance(problem, NotNow):
        return WireError("CONFLICT", str(problem), state=problem.state)
    if isinstance(problem, drf.ValidationError):
        return _invalid(problem)
    if outage := outage_in(problem):
        log.warning("%s (%s)", outage, type(problem.__cause__ or problem).__name__, exc_info=problem)
        return WireError("SERVICE_UNAVAILABLE", f"{outage} Send the same request again.")
    for kind, code, message in _PLAIN:
        if isinstance(problem, kind):
            return WireError(code, message)
    log.error("unforeseen: %s", type(problem).__name__, exc_info=problem)
    return WireError("INTERNAL_ERROR", "Something went wrong on our side. The trace id finds it in the log.")


_PLAIN: tuple[tuple[type[Exception], str, str], ...] = (
    (drf.NotAuthenticated, "AUTH_INVALID_TOKEN", "A token is needed: send `Authorization: Bearer <token>`."),
    (drf.AuthenticationFailed, "AUTH_INVALID_TOKEN", "The token is not valid."),
    (drf.PermissionDenied, "AUTHZ_INSUFFICIENT_PERMISSIONS", "This token may not do that."),
    (drf.NotFound, "RESOURCE_NOT_FOUND", "There is nothing at this address."),
    (Http404, "RESOURCE_NOT_FOUND", "There is nothing at this address."),
    (drf.MethodNotAllowed, "METHOD_NOT_ALLOWED", "This address does not take that method; Allow names those it takes."),
    (drf.UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json in UTF-8, without content encoding."),
    (drf.ParseError, "VALIDATION_INVALID_PARAMS", "The body is not JSON."),
    # Django's word for more than 1000 names in a query.
    (SuspiciousOperation, "VALIDATION_INVALID_PARAMS", "The query has too many names, or can't be read."),
)


def _refused(problem: TransitionRefused) -> WireError:
    job: Any = problem.details.get("job")
    details: dict[str, Any] = {}
    if problem.status is not None and not isinstance(problem, NotJobOwner | JobNotFound | LeaseTokenRequired):
        details["status"] = problem.status
    if isinstance(problem, InvalidTransition) and problem.status is not None:
        details |= {"requested": problem.details.get("requested"), "allowed": allowed_from(problem.status)}
    if isinstance(problem, AlreadyFinished) and job is not None:
        details["outcome"] = _outcome(job, problem.details.get("ended"))
    if isinstance(problem, KeyTaken):
        details |= {"jobId": problem.details.get("key_holder"), "uniqueKey": problem.details.get("key")}
    elif problem.code == "CONFLICT" and job is not None:
        details["updatedAt"] = written(job.updated_at)
    if problem.code in _STOP:
        details["nextAction"] = "abandon"
    return WireError(problem.code, problem.message, **details)


def _outcome(job: Any, ended: Any) -> dict[str, Any]:
    """How the run ended that is reported on once more: as the job tells it, unless it has gone on since."""
    run = ended or Ended(job.status, job.exit_code, job.last_error, job.error_category, job.completed_at)
    told = {
        "status": run.status,
        "exitCode": run.exit_code,
        "error": run.error and run.error[:_LONGEST_ERROR],
        "errorCategory": run.category,
        "attempts": job.attempts,
        "completedAt": written(run.at),
    }
    return told | ({"errorBytes": len(run.error.encode())} if run.error and len(run.error) > _LONGEST_ERROR else {})


def _invalid(problem: drf.ValidationError) -> WireError:
    fields = _flat(problem.detail)
    missing = [name for name, code in fields.items() if code[0].code in ("required", "null")]
    said = {name: [str(text) for text in texts] for name, texts in fields.items()}
    if missing:
        return WireError("VALIDATION_MISSING_FIELD", f"Missing: {', '.join(missing)}.", fields=said)
    first = next(iter(said), "")
    return WireError("VALIDATION_INVALID_PARAMS", f"{first}: {said[first][0]}" if first else "The request is not valid.", fields=said)


def _flat(detail: Any, path: str = "") -> dict[str, list[Any]]:
    if isinstance(detail, dict):
        found: dict[str, list[Any]] = {}
        for name, inner in detail.items():
            here = path if name == "non_field_errors" else f"{path}.{name}" if path else str(name)
            found |= _flat(inner, here)
        return found
    if isinstance(detail, list) and detail and isinstance(detail[0], dict | list):
        found = {}
        for place, inner in enumerate(detail):
            found |= _flat(inner, f"{path}[{place}]")
        return found
    return {path or "body": list(detail)} if detail else {}
