"""From what went wrong to the answer: one shape, `{"error": {code, message, details, timestamp, traceId}}`, whatever it was."""

import logging
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import Http404
from psycopg_pool import PoolTimeout
from rest_framework import exceptions as drf
from rest_framework.response import Response

from jobs.lifecycle import AlreadyFinished, InvalidTransition, JobNotFound, KeyTaken, NotJobOwner, TransitionRefused, allowed_from
from jobs.times import now, written

log = logging.getLogger(__name__)

STATUS_OF = {
    "VALIDATION_INVALID_PARAMS": 400,
    "VALIDATION_MISSING_FIELD": 400,
    "ORCHESTRATOR_ID_REQUIRED": 400,
    "TIMESTAMP_OUT_OF_RANGE": 400,
    "AUTH_INVALID_TOKEN": 401,
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
    "INTERNAL_ERROR": 500,
    "SERVICE_UNAVAILABLE": 503,
}
# Of the error of a finished run, in the answer that refuses another report of it.
_LONGEST_ERROR = 2000
# Errors after which the caller drops the job.
_STOP = {"NOT_JOB_OWNER", "ALREADY_FINISHED", "LEASE_LOST", "LEASE_EXPIRED"}


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
        response["WWW-Authenticate"] = 'Bearer realm="jobsite"'
    if response.status_code == 503:
        response["Retry-After"] = "2"
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
    if isinstance(problem, drf.ValidationError):
        return _invalid(problem)
    if isinstance(problem, OperationalError | InterfaceError | PoolTimeout):
        log.warning("database unavailable: %s", type(problem).__name__, exc_info=problem)
        return WireError("SERVICE_UNAVAILABLE", "The database can't be reached. Send the same request again.")
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
)


def _refused(problem: TransitionRefused) -> WireError:
    job: Any = problem.details.get("job")
    details: dict[str, Any] = {}
    if problem.status is not None and not isinstance(problem, NotJobOwner | JobNotFound):
        details["status"] = problem.status
    if isinstance(problem, InvalidTransition) and problem.status is not None:
        details |= {"requested": problem.details.get("requested"), "allowed": allowed_from(problem.status)}
    if isinstance(problem, AlreadyFinished) and job is not None:
        details["outcome"] = {
            "status": job.status,
            "exitCode": job.exit_code,
            **_beginning_of(job.last_error),
            "errorCategory": job.error_category,
            "attempts": job.attempts,
            "completedAt": written(job.completed_at),
        }
    if isinstance(problem, KeyTaken):
        details |= {"jobId": problem.details.get("key_holder"), "uniqueKey": problem.details.get("key")}
    elif problem.code == "CONFLICT" and job is not None:
        details["updatedAt"] = written(job.updated_at)
    if problem.code in _STOP:
        details["nextAction"] = "abandon"
    return WireError(problem.code, problem.message, **details)


def _beginning_of(error: str | None) -> dict[str, Any]:
    """An error that may be megabytes, told in passing."""
    if error is None or len(error) <= _LONGEST_ERROR:
        return {"error": error}
    return {"error": error[:_LONGEST_ERROR], "errorBytes": len(error.encode())}


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
