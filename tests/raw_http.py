"""HTTP as bytes: requests that no client library would send, or not in that order and spelling, over one kept connection."""

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any, Self


@dataclass(frozen=True)
class RawAnswer:
    """
    Attributes:
        headers: by their names in lower case.
        body: as it came.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def closes(self) -> bool:
        """The server says that it ends the connection."""
        return self.headers.get("connection", "").lower() == "close"


class Wire:
    """One connection to a server, not for two threads."""

    def __init__(self, url: str, *, timeout_seconds: float = 30) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def exchange(self, request: bytes) -> RawAnswer:
        """Sends these bytes and reads one answer.

        Raises:
            OSError, HTTPException: there was none.
        """
        self.socket.sendall(request)
        return self.answer(method=request.partition(b" ")[0].decode("latin-1"))

    def answer(self, *, method: str) -> RawAnswer:
        """Reads the answer to a request that was sent; to a HEAD none has a body."""
        response = HTTPResponse(self.socket, method=method)
        response.begin()
        body = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        response.close()
        return RawAnswer(status=response.status, headers=headers, body=body)

    def rest(self) -> bytes:
        """Whatever comes until the server ends the connection."""
        received = b""
        while more := self.socket.recv(65536):
            received += more
        return received


def request_bytes(
    method: str, target: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b"", *, version: str = "HTTP/1.1"
) -> bytes:
    """A request with exactly these headers, in this order and spelling."""
    lines = [f"{method} {target} {version}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
