"""The wire as an orchestrator uses it: one identity, one kept connection, every request resent until it is answered."""

import json
import time
import uuid
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from typing import Any, Self

from tests.postgres import API_KEY

Json = dict[str, Any]
_GIVES_UP_AFTER_SECONDS = 60.0
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Answer:
    """
    Attributes:
        in_doubt: an earlier try of the same request got no answer, so it may have been done then.
        retry_after: seconds, as the header says.
    """

    status: int
    content: Any
    request_id: str
    in_doubt: bool = False
    retry_after: str | None = None

    @property
    def is_accepted(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_replay(self) -> bool:
        return self.is_accepted and bool(self.content.get("replayed"))

    @property
    def code(self) -> str:
        """The word of the error."""
        return str(self.content["error"]["code"])


class Caller:
    """A client with a connection of its own; not for two threads.

    Attributes:
        disturbances: how many tries were answered 503 or not at all.
    """

    def __init__(self, url: str, orchestrator_id: str) -> None:
        self.orchestrator_id = orchestrator_id
        self.disturbances = 0
        self._connection = HTTPConnection(url.removeprefix("http://"), timeout=30)

    @property
    def socket(self) -> object:
        """The connection it has now; another one after each that was lost."""
        return self._connection.sock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def send(self, method: str, path: str, body: Any = None, *, lease_token: str | None = None, request_id: str | None = None) -> Answer:
        """Sends once.

        Raises:
            OSError, HTTPException: there was no answer.
            AssertionError: the answer is one that no client may ever see.
        """
        request_id = request_id or uuid.uuid4().hex
        headers = {
            "Authorization": f"Bearer {API_KEY}",
            "X-Orchestrator-ID": self.orchestrator_id,
            "X-Request-ID": request_id,
            "Content-Type": "application/json",
        }
        if lease_token:
            headers["X-Lease-Token"] = lease_token
        content = None if body is None else json.dumps(body).encode()
        try:
            self._connection.request(method, f"/api/internal{path}", body=content, headers=headers)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, HTTPException):
            self._connection.close()
            raise
        answer = _judged(response.status, response.headers["Content-Type"], text, request_id)
        return replace(answer, retry_after=response.headers["Retry-After"])

    def insist(self, method: str, path: str, body: Any = None, *, lease_token: str | None = None) -> Answer:
        """Sends the same request, under the same id, until it is answered with anything but 503."""
        request_id = uuid.uuid4().hex
        in_doubt = False
        give_up_at = time.monotonic() + _GIVES_UP_AFTER_SECONDS
        while True:
            try:
                answer = self.send(method, path, body, lease_token=lease_token, request_id=request_id)
            except (OSError, HTTPException) as problem:
                fault: object = problem
            else:
                if answer.status != 503:
                    return Answer(status=answer.status, content=answer.content, request_id=request_id, in_doubt=in_doubt)
                fault = answer.content
            self.disturbances += 1
            in_doubt = True
            if time.monotonic() > give_up_at:
                raise AssertionError(f"{method} {path}: no answer within {_GIVES_UP_AFTER_SECONDS:.0f} s, at last {fault!r}")
            time.sleep(_PAUSE_SECONDS)


def _judged(status: int, content_type: str | None, text: bytes, request_id: str) -> Answer:
    assert content_type == "application/json", f"{status} answered as {content_type}: {text[:500]!r}"
    content = json.loads(text)
    if status >= 400:
        assert status < 500 or status == 503, f"{status}: {content}"
        assert content["error"].keys() == {"code", "message", "details", "timestamp", "traceId"}, content
        assert content["error"]["traceId"] == request_id
        assert "Traceback" not in str(content), content
    return Answer(status=status, content=content, request_id=request_id)
