"""gunicorn's worker, with our own answer to what its parser refuses: Django is never asked about that."""

import json
import secrets
import socket
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

_BROKEN = (500, "INTERNAL_ERROR", "Something went wrong on our side. The trace id finds it in the log.")
# Status, code and message; looked through in order: what the application did wrong itself is among the parser's errors, too.
_REFUSALS: tuple[tuple[type[Exception], tuple[int, str, str]], ...] = (
    (errors.InvalidResponseHeader, _BROKEN),
    (errors.InvalidResponseHeaderName, _BROKEN),
    (errors.LimitRequestLine, (414, "VALIDATION_INVALID_PARAMS", "The request line is too long.")),
    (errors.LimitRequestHeaders, (431, "VALIDATION_INVALID_PARAMS", "The headers are too many, or one is too long.")),
    (errors.UnsupportedTransferCoding, (411, "LENGTH_REQUIRED", "Send the body with a Content-Length, in no transfer coding.")),
    (errors.ExpectationFailed, (417, "VALIDATION_INVALID_PARAMS", "The only expectation that is met is 100-continue.")),
    (
        errors.ParseException,
        (400, "VALIDATION_INVALID_PARAMS", "That is no request that can be read: a line, a header or the body is malformed."),
    ),
    (Exception, _BROKEN),
)


class Worker(ThreadWorker):
    """Threads for requests; what is not one is told so in the one shape of errors, and its connection is closed."""

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answers instead of gunicorn's page of HTML, when a request could not be read or the application broke."""
        status, code, message = next(refusal for kind, refusal in _REFUSALS if isinstance(exc, kind))
        request_id = secrets.token_hex(16)
        if status >= 500:
            self.log.exception("[%s] error in the answer to a request", request_id)
        else:
            # Its kind only: the text would quote what was sent, and that may be a header with a token.
            self.log.warning("[%s] no request that can be read, from %s: %s", request_id, addr and addr[0], type(exc).__name__)
        # A client that does not wait for the answer gets none.
        with suppress(OSError):
            client.sendall(_answer(status, code, message, request_id))


def _answer(status: int, code: str, message: str, request_id: str) -> bytes:
    # Not at the top: the master, which loads this class, stays free of code that a reload is to bring anew.
    from orchestration_api.exceptions import WireError, body_of

    content = json.dumps(body_of(WireError(code, message), request_id)).encode()
    lines = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Connection: close",
        "Content-Type: application/json",
        "Cache-Control: no-store",
        f"X-Request-ID: {request_id}",
        f"Content-Length: {len(content)}",
        "",
        "",
    )
    return "\r\n".join(lines).encode() + content
