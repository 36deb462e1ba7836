"""gunicorn's worker: processes share out their callers, a thread stays with one who asks again at once, and errors have our own shape."""

import json
import secrets
import socket
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from jobsite.sockets import has_something_to_read

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
# How long a thread that has answered waits for the next request of the same connection. Handing the connection back to the main thread, and
# being given it again, takes as long as a small request. Who works through jobs one by one asks again within that.
LINGER_SECONDS = 0.001
# All processes wake up for a new connection, and the same one tends to win. Callers keep theirs, so those of one process would share one
# core for good. So who has connections waits a little for each before it takes another.
GIVE_WAY_SECONDS = 0.0003
LONGEST_GIVE_WAY_SECONDS = 0.003


class Worker(ThreadWorker):
    """Threads for requests; what is not one is told so in the one shape of errors, and its connection is closed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The other half is there for whoever comes meanwhile.
        self._may_linger = threading.Semaphore(self.cfg.threads // 2)

    def accept(self, listener: Any) -> None:
        """Takes a new connection, unless a process that has fewer of them is quicker."""
        time.sleep(min(self.nr_conns * GIVE_WAY_SECONDS, LONGEST_GIVE_WAY_SECONDS))
        super().accept(listener)

    def handle(self, conn: Any) -> Any:
        """Answers a request, and those that follow at once on the same connection, while no other is kept waiting by that.

        Returns:
            What gunicorn's own does of the last: True for a connection that stays open.
        """
        kept = super().handle(conn)
        while kept is True and self._follows_at_once(conn):
            kept = super().handle(conn)
        return kept

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

    def _follows_at_once(self, conn: Any) -> bool:
        if not self.alive or not self.tpool._work_queue.empty() or not self._may_linger.acquire(blocking=False):
            return False
        try:
            # What was read ahead can't be seen on the socket; gunicorn looks for it.
            return not conn.parser.unreader.buf.getvalue() and has_something_to_read(conn.sock.fileno(), within_seconds=LINGER_SECONDS)
        finally:
            self._may_linger.release()


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
