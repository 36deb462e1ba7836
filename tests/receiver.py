"""A receiver of webhooks on a real socket, which verifies as the specification's own library does."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True)
class Got:
    """A message that came.

    Attributes:
        headers: names in lower case.
    """

    path: str
    headers: dict[str, str]
    body: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told

    def verified(self, secret: str) -> dict[str, Any]:
        """The message, as the library returns it when the signature is good; else it raises."""
        verified: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return verified


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)


class Receiver:
    """What came, in its order, and what is said to the next.

    Args:
        reply: asked at each message, from the thread of its connection; it may take its time.
    """

    def __init__(self, reply: Callable[[Got], Reply]) -> None:
        self.reply = reply
        self.got: list[Got] = []
        self.port = 0
        self.busy = self.busiest = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def answer(self, got: Got) -> Reply:
        with self._lock:
            self.got.append(got)
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
        try:
            return self.reply(got)
        finally:
            with self._lock:
                self.busy -= 1


@contextmanager
def receiving(reply: Callable[[Got], Reply] = lambda got: Reply()) -> Iterator[Receiver]:
    """A receiver at a free port of loopback."""
    receiver = Receiver(reply)

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            said = receiver.answer(Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, format: str, *args: object) -> None: ...

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Whoever was killed in the midst of its message is no fault of ours."""

    with Quiet(("127.0.0.1", 0), Door) as server:
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def listening() -> Iterator[tuple[int, list[object]]]:
    """A port of loopback, and the connections that were made to it: none is answered."""
    seen: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, address = listener.accept()
                except OSError:
                    return
                seen.append(address)
                connection.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1], seen
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)
