"""What holds for every request: an id, and for the machine door one shape of errors whatever part of Django refused."""

import json
import re
import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from orchestration_api.exceptions import RETRY_AFTER, STATUS_OF, WireError, body_of
from orchestration_api.tracing import traced

Answer = Callable[[HttpRequest], HttpResponse]
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
DOOR = "/api/internal"
# Where existing orchestrators post a release, without the base path.
_RELEASE = re.compile(r"/jobs/[^/]+/release")
_REPORT = re.compile(r"/jobs/[^/]+/(complete|fail|status)$")
_BATCH = re.compile(r"/jobs(/status|/[^/]+/logs)?$")
# Of a body that is refused, how many times the largest one that is taken.
_READ_TO_THE_END = 4
_CODE_OF = {status: code for code, status in reversed(STATUS_OF.items())} | {
    403: "AUTHZ_INSUFFICIENT_PERMISSIONS",
    404: "RESOURCE_NOT_FOUND",
}


class RequestIdMiddleware:
    """The caller's X-Request-ID if it is one, else ours: in every answer, audit entry and log line."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = request.META["jobsite.request_id"] = sent if _ID.fullmatch(sent) else secrets.token_hex(16)
        with traced(request_id):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class MachineDoorMiddleware:
    """Reads the body of every call of the machine door before anything is answered, and answers its errors as JSON."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_of_the_door(request):
            return self.get_response(request)
        _read_body(request)
        # Plain HTTP is not redirected, and not let through: the token has just gone over the wire for all to read; that should be noticed.
        exposed = settings.SECURE_SSL_REDIRECT and not request.is_secure()
        response = _over_plain_http(request) if exposed else self.get_response(request)
        if response.status_code >= 400 and response.get("Content-Type") != "application/json":
            response = _in_our_shape(response, request)
        response["Cache-Control"] = "no-store"
        return response


def is_of_the_door(request: HttpRequest) -> bool:
    return request.path.startswith(DOOR) or bool(_RELEASE.fullmatch(request.path))


def error_response(error: WireError, request: HttpRequest, *, status: int | None = None) -> HttpResponse:
    """The one error shape, for whoever answers in place of a view.

    Args:
        status: where it is not the one of the code.
    """
    content = json.dumps(body_of(error, request.META["jobsite.request_id"]))
    response = HttpResponse(content, content_type="application/json", status=status or STATUS_OF[error.code])
    if response.status_code == 503:
        response["Retry-After"] = str(RETRY_AFTER)
    return response


def body_limit(path: str) -> int:
    """How many bytes a body at this path may have."""
    if _REPORT.search(path) and not path.endswith("/jobs/status"):
        return settings.REPORT_BODY_LIMIT
    return settings.BATCH_BODY_LIMIT if _BATCH.search(path) else settings.BODY_LIMIT


def _read_body(request: HttpRequest) -> None:
    """Takes the body off the wire, so that the connection stays good for the next request whatever is answered.

    Why it can't be used is noted for the view, which tells it after it has looked at the token.
    """
    request.META["jobsite.body_problem"] = None
    if "CONTENT_LENGTH" not in request.META and request.META.get("HTTP_TRANSFER_ENCODING"):
        request.META["jobsite.body_problem"] = WireError("LENGTH_REQUIRED", "Send the body with a Content-Length, not in chunks.")
        return
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    limit = body_limit(request.path)
    if length <= limit:
        # Read and kept by Django, who takes a body that broke off for a whole one.
        if len(request.body) < length:
            request.META["jobsite.body_problem"] = WireError("VALIDATION_INVALID_PARAMS", "The body ended before its Content-Length.")
        return
    # What nobody in good faith sends is not waited for: gunicorn reads on for some seconds, then ends the connection.
    if length <= _READ_TO_THE_END * settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        while request.read(65536):
            pass
    request._body = b""
    problem = WireError("PAYLOAD_TOO_LARGE", f"The body has {length} bytes; here at most {limit} are taken.", limit=limit, length=length)
    request.META["jobsite.body_problem"] = problem


def _over_plain_http(request: HttpRequest) -> HttpResponse:
    message = "This server is spoken to over HTTPS only. (Behind a proxy that ends TLS it needs JOBSITE_BEHIND_TLS_PROXY=1.)"
    return error_response(WireError("AUTHZ_INSUFFICIENT_PERMISSIONS", message), request)


def _in_our_shape(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    code = _CODE_OF.get(response.status_code, "INTERNAL_ERROR" if response.status_code >= 500 else "VALIDATION_INVALID_PARAMS")
    return error_response(WireError(code, f"The request was refused ({response.reason_phrase})."), request, status=response.status_code)
