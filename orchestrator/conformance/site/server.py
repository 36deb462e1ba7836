"""The site on a socket: reads requests, lets faults happen, answers, and keeps a record of every exchange."""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from orchestrator.conformance.site.clock import written
from orchestrator.conformance.site.door import Door
from orchestrator.conformance.site.errors import STATUS_OF, Refusal
from orchestrator.conformance.site.faults import Fault
from orchestrator.conformance.site.jobs import LeaseLengths
from orchestrator.conformance.site.requests import BASE_PATH, Exchange, Json, Request
from orchestrator.conformance.site.site import Site


class SiteServer(Site):
    """A site that answers at `url` while it is entered as a context.

    Attributes:
        exchanges: all that was said so far, in the order in which requests came. It grows under `changed`.
        faults: those that are still to happen; the first that fits does.
    """

    def __init__(self, *, token: str | None, port: int = 0, host: str = "127.0.0.1", lengths: LeaseLengths | None = None) -> None:
        """Args: `token`: the one that must be sent; None for the first that is."""
        super().__init__(lengths)
        self.exchanges: list[Exchange] = []
        self.faults: list[Fault] = []
        self._door = Door(self, token=token)
        self._http = _Listener((host, port), type("BoundConversation", (_Conversation,), {"site": self}))
        self.url = f"http://{host}:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def begin(self, request: Request) -> tuple[Exchange, Fault | None]:
        """Note a request, and say what is to go wrong with it."""
        exchange = Exchange(request)
        with self.changed:
            self.exchanges.append(exchange)
            fault = next((fault for fault in self.faults if fault.befalls(request)), None)
            if fault is not None:
                fault.times -= 1
            self.changed.notify_all()
            return exchange, fault

    def answer(self, exchange: Exchange, fault: Fault | None) -> None:
        """Do what was asked, or what is to go wrong, and write both into the exchange: status None means that nothing is to be sent."""
        request = exchange.request
        if fault is not None and fault.first is not None:
            fault.first()
        if fault is not None and fault.kind == "slow":
            time.sleep(fault.seconds)
        if fault is not None and isinstance(fault.kind, int):
            exchange.status, exchange.headers = fault.kind, dict(fault.headers)
            exchange.told = fault.page or self._error(request, _told_of(fault.kind) | fault.error)
        elif fault is None or fault.kind != "drop":
            status, told = self._do(request)
            is_lost = fault.kind == "lost" if fault is not None else status == 200 and request.claim is not None and self._loses(told)
            if is_lost:
                exchange.lost = told
            else:
                exchange.status, exchange.told = status, told

    def end(self, exchange: Exchange) -> None:
        """Note that the answer is on its way."""
        with self.changed:
            exchange.answered_at = time.monotonic()
            self.changed.notify_all()

    def _do(self, request: Request) -> tuple[int, Any]:
        try:
            return 200, self._door.answer(request)
        except Refusal as refusal:
            return refusal.status, self._error(request, refusal.told())

    def _loses(self, told: Json) -> bool:
        with self.changed:
            fault = next((fault for fault in self.faults if fault.befalls_claim(told)), None)
            if fault is not None:
                fault.times -= 1
            return fault is not None

    def _error(self, request: Request, told: Json) -> Json:
        trace_id = request.headers.get("x-request-id", "conformance")
        return {"error": {**told, "timestamp": written(self.clock.now()), "traceId": trace_id}}


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Take it calmly when an orchestrator that was killed does not wait for its answer."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Conversation(BaseHTTPRequestHandler):
    site: SiteServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 100

    def _serve(self) -> None:
        exchange, fault = self.site.begin(self._read())
        self.site.answer(exchange, fault)
        # Noted before it is sent: whoever has the answer finds it in the record.
        self.site.end(exchange)
        if exchange.status is None:
            self.close_connection = True
            return
        page = isinstance(exchange.told, str)
        content = exchange.told.encode() if page else json.dumps(exchange.told).encode()
        self.send_response(exchange.status)
        kind = "text/html; charset=utf-8" if page else "application/json"
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            **exchange.headers,
        }.items():
            self.send_header(name, value)
        self.send_header("X-Request-ID", exchange.request.headers.get("x-request-id", "conformance"))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve

    def _read(self) -> Request:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body, problem = None, None
        if "transfer-encoding" in headers:
            problem = "A chunked body is not read: send Content-Length."
            self.close_connection = True
        elif length := int(headers.get("content-length") or 0):
            content = self.rfile.read(length)
            try:
                body = json.loads(content)
            except ValueError as error:
                problem = f"The body is not JSON: {error}"
            else:
                problem = None if isinstance(body, dict) else "The body must be a JSON object."
        address = urlsplit(self.path)
        # Existing orchestrators post a release without the base path.
        path = address.path.removeprefix(BASE_PATH)
        return Request(self.command, path, dict(parse_qsl(address.query)), headers, body, problem, time.monotonic())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the record has it all."""


def _told_of(status: int) -> Json:
    code = next((code for code, number in STATUS_OF.items() if number == status), "INTERNAL_ERROR")
    return {"code": code, "message": "A fault, on purpose.", "details": {}}
