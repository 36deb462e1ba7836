"""A lean HTTP client for one kept connection: it shares the cores with the server it measures, so it must cost little."""

import socket
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

BASE = "/api/internal"
_Answer = TypeVar("_Answer")


class Refused(Exception):
    """An answer other than 2xx: its status and body."""


class Client:
    """A connection to a server, by RFC 9112 as far as our server's answers go: all have a Content-Length.

    Args:
        url: of the server, without a path.
        headers: sent with each request.
    """

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        told = "".join(f"{name}: {value}\r\n" for name, value in {"Host": f"{host}:{port}", **headers}.items())
        self._headers = f" HTTP/1.1\r\n{told}Content-Type: application/json\r\nContent-Length: ".encode()

    @classmethod
    def orchestrator(cls, url: str, *, key: str, name: str) -> Self:
        """One who asks the machine door as an orchestrator."""
        return cls(url, {"Authorization": f"Bearer {key}", "X-Orchestrator-ID": name})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()

    def ask(self, method: str, path: str, body: object = None, *, answer: type[_Answer] = Any) -> _Answer:  # type: ignore[assignment]
        """The answer to a request of the machine door.

        Raises:
            Refused: it is not 2xx.
            msgspec.ValidationError: it is not of that type.
        """
        return msgspec.json.decode(self.fetch(method, BASE + path, b"" if body is None else msgspec.json.encode(body)), type=answer)

    def fetch(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of the answer; `path` is the whole one."""
        self.send(method, path, body)
        return self.receive()

    def send(self, method: str, path: str, body: bytes = b"") -> None:
        """Sends a request whose answer is received later, before the next one."""
        self._socket.sendall(b"%b %b%b%d\r\n\r\n%b" % (method.encode(), path.encode(), self._headers, len(body), body))

    def receive(self) -> bytes:
        """The body of the answer to what was sent last.

        Raises:
            Refused: it is not 2xx.
        """
        status, content = self._answer()
        if not 200 <= status < 300:
            raise Refused(status, content.decode())
        return content

    def _answer(self) -> tuple[int, bytes]:
        got = bytearray()
        while (end := got.find(b"\r\n\r\n")) < 0:
            got += self._more()
        head = bytes(got[:end]).lower()
        length = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        while len(got) < end + 4 + length:
            got += self._more()
        return int(head[9:12]), bytes(got[end + 4 :])

    def _more(self) -> bytes:
        if not (more := self._socket.recv(1 << 18)):
            raise ConnectionError("the server closed the connection in the middle of an answer")
        return more
