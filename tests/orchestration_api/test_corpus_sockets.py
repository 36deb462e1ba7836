"""The corpus over real connections, which stay good for the next request, and what only bytes on a socket can be."""

import socket
from collections.abc import Iterator

import pytest

from jobs.models import Job
from tests.factories import JobFactory
from tests.orchestration_api.bad_input import BadInput, corpus
from tests.orchestration_api.scrutiny import HEADERS, rows
from tests.postgres import API_KEY
from tests.raw_http import RawAnswer, Wire, request_bytes
from tests.server import Server, running_server

BASE = "/api/internal"
HEALTH = request_bytes("GET", f"{BASE}/orchestrator/health", [("Host", "localhost"), *HEADERS.items()])
# One that takes a body, one that takes a query.
ENDPOINTS = [("POST", "/jobs/{id}/complete"), ("GET", "/jobs")]


@pytest.fixture(scope="module")
def server(module_db: str) -> Iterator[Server]:
    with running_server(workers=1) as server:
        yield server


@pytest.fixture
def job(server: Server) -> Job:
    return JobFactory(status="running")


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    with Wire(server.url) as wire:
        yield wire


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_whatever_is_sent_the_connection_answers_the_next_request_or_says_that_it_ends(
    server: Server, job: Job, method: str, path: str
) -> None:
    wire = Wire(server.url)
    wrong: list[tuple[str, object]] = []
    for bad in corpus():
        answer = wire.exchange(on_the_wire(bad, method, path, job))
        if answer.status >= 500 or b"<html" in answer.body or (answer.status >= 400 and not is_one_error(answer, bad)):
            wrong.append((bad.name, answer))
        if answer.closes:
            # gunicorn's parser was the one to refuse.
            assert answer.status in (400, 411, 414, 417, 431), bad.name
            wire.socket.close()
            wire = Wire(server.url)
        elif wire.exchange(HEALTH).status != 200:
            wrong.append((bad.name, "the next request"))
    wire.socket.close()

    assert wrong == []


def on_the_wire(bad: BadInput, method: str, path: str, job: Job) -> bytes:
    text = bad.value.decode("latin-1")
    target = BASE + path.format(id=text if bad.kind == "path" else job.id)
    target += text if bad.kind == "suffix" else f"?{text}" if bad.kind == "query" else ""
    body = bad.value if bad.kind == "body" else b"" if method == "GET" else b"{}"
    headers = {"Host": "localhost"} | HEADERS | bad.headers | ({"Content-Length": str(len(body))} if body or method == "POST" else {})
    return request_bytes(text if bad.kind == "method" else method, target, headers.items(), body)


def is_one_error(answer: RawAnswer, bad: BadInput) -> bool:
    if bad.value == b"HEAD":
        return answer.body == b""
    has_headers = answer.headers["cache-control"] == "no-store" and answer.headers["content-type"] == "application/json"
    return has_headers and answer.json["error"]["traceId"] == answer.headers["x-request-id"]


def head(method: str, path: str, *headers: tuple[str, str], version: str = "HTTP/1.1") -> bytes:
    return request_bytes(method, BASE + path, [("Host", "localhost"), *HEADERS.items(), *headers], version=version)


@pytest.mark.parametrize(
    "chunks",
    [
        b"8\r\n{\"exitCo\r\n7\r\nde\": 0}\r\n0\r\n\r\n",
        b"f;name=value\r\n{\"exitCode\": 0}\r\n0\r\n\r\n",
        b"f\r\n{\"exitCode\": 0}\r\n0\r\nX-Trailer: 1\r\n\r\n",
        b"0\r\n\r\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("call", ["complete", "acknowledge", "release"])
def test_a_body_in_chunks_is_refused_and_never_taken_as_empty(wire: Wire, job: Job, call: str, chunks: bytes) -> None:
    answer = wire.exchange(head("POST", f"/jobs/{job.id}/{call}", ("Transfer-Encoding", "chunked")) + chunks)

    assert (answer.status, answer.json["error"]["code"]) == (411, "LENGTH_REQUIRED")
    assert Job.objects.filter(id=job.id).values("status", "acknowledged_at").get() == {"status": "running", "acknowledged_at": None}
    assert wire.exchange(HEALTH).status == 200


def test_broken_chunks_end_the_connection_and_nothing_else(server: Server, wire: Wire, job: Job) -> None:
    answer = wire.exchange(head("POST", f"/jobs/{job.id}/complete", ("Transfer-Encoding", "chunked")) + b"zz\r\n{}\r\n0\r\n\r\n")

    assert answer.status == 411
    with Wire(server.url) as another:
        assert another.exchange(HEALTH).status == 200


@pytest.mark.parametrize("length", ["99999999999999999999", "100000000000"])
def test_a_body_that_nobody_can_send_is_not_waited_for(server: Server, wire: Wire, job: Job, length: str) -> None:
    answer = wire.exchange(head("POST", f"/jobs/{job.id}/complete", ("Content-Length", length)) + b'{"exitCode": 0}')

    assert (answer.status, answer.json["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert Job.objects.get(id=job.id).status == "running"


def test_what_follows_a_body_that_is_longer_than_its_length_is_no_request(wire: Wire, job: Job) -> None:
    answer = wire.exchange(head("POST", f"/jobs/{job.id}/complete", ("Content-Length", "1")) + b'{"exitCode": 0}\r\n\r\n')

    assert (answer.status, answer.json["error"]["code"]) == (400, "VALIDATION_INVALID_PARAMS")
    assert wire.rest().count(b"HTTP/1.1 200") == 0
    assert Job.objects.get(id=job.id).status == "running"


def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one(wire: Wire, job: Job) -> None:
    before = rows()
    wire.socket.sendall(head("POST", f"/jobs/{job.id}/complete", ("Content-Length", "100")) + b'{"exitCode": 0}')
    wire.socket.shutdown(socket.SHUT_WR)
    answer = wire.answer(method="POST")

    assert (answer.status, answer.json["error"]["code"]) == (400, "VALIDATION_INVALID_PARAMS")
    assert rows() == before


def test_http_1_0_is_answered_and_ends(wire: Wire) -> None:
    answer = wire.exchange(head("GET", "/orchestrator/health", version="HTTP/1.0"))

    assert (answer.status, answer.json["status"]) == (200, "healthy")
    assert wire.socket.recv(1) == b""


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_without_a_host_the_address_that_was_called_is_meant(wire: Wire, version: str) -> None:
    answer = wire.exchange(request_bytes("GET", f"{BASE}/jobs", [("Authorization", f"Bearer {API_KEY}")], version=version))

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")


@pytest.mark.parametrize(("path", "status"), [("complete", 200), ("nowhere", 404)])
def test_who_waits_for_100_continue_is_answered(wire: Wire, job: Job, path: str, status: int) -> None:
    body = b'{"exitCode": 0}'
    wire.socket.sendall(head("POST", f"/jobs/{job.id}/{path}", ("Content-Length", str(len(body))), ("Expect", "100-continue")))
    first = wire.socket.recv(4096)
    assert first.startswith(b"HTTP/1.1 100"), first
    wire.socket.sendall(body)

    assert wire.answer(method="POST").status == status
    assert wire.exchange(HEALTH).status == 200


def test_two_requests_at_once_are_both_answered(wire: Wire) -> None:
    wire.socket.sendall(
        HEALTH + request_bytes("GET", f"{BASE}/jobs/stats", [("Host", "localhost"), *HEADERS.items(), ("Connection", "close")])
    )

    assert wire.rest().count(b"HTTP/1.1 200 OK") == 2
