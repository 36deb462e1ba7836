"""What gunicorn's parser refuses is answered like every other error, and nothing of what was sent is repeated or logged."""

from collections.abc import Iterator

import pytest

from tests.postgres import API_KEY
from tests.raw_http import RawAnswer, Wire, request_bytes
from tests.server import Server, running_server

AUTHORIZATION = f"Authorization: Bearer {API_KEY}\r\n".encode()
HEAD = b"GET /api/internal/orchestrator/health HTTP/1.1\r\nHost: localhost\r\n" + AUTHORIZATION
POST = (
    b"POST /api/internal/jobs/claim HTTP/1.1\r\nHost: localhost\r\nX-Orchestrator-ID: orch-1\r\nContent-Type: application/json\r\n"
    + AUTHORIZATION
)


@pytest.fixture(scope="module")
def server(module_db: str) -> Iterator[Server]:
    with running_server(workers=1) as server:
        yield server


def assert_refused(answer: RawAnswer, status: int, code: str) -> None:
    assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
    assert answer.headers["cache-control"] == "no-store"
    error = answer.json["error"]
    assert error.keys() == {"code", "message", "details", "timestamp", "traceId"}
    assert (error["code"], error["traceId"]) == (code, answer.headers["x-request-id"])


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(b"GET /api/internal/jobs?" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, id="a long address"),
        pytest.param(HEAD + b"X-Long: " + b"a" * 10_000 + b"\r\n\r\n", 431, id="a long header"),
        pytest.param(HEAD + b"X-One: 1\r\n" * 200 + b"\r\n", 431, id="many headers"),
        pytest.param(b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 400, id="another version"),
        pytest.param(b"get /api/internal/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, id="a method in lower case"),
        pytest.param(b"hello\r\n\r\n", 400, id="no request at all"),
        pytest.param(b"GET /api/internal/jobs/\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, id="raw bytes in the address"),
        pytest.param(HEAD + b"no colon\r\n\r\n", 400, id="a header without a colon"),
        pytest.param(HEAD + b"X-Nul: a\x00b\r\n\r\n", 400, id="a NUL in a header"),
        pytest.param(HEAD + b"X-Folded: a\r\n b\r\n\r\n", 400, id="a folded header"),
        pytest.param(HEAD + b"Host: localhost\r\n\r\n", 400, id="two hosts"),
        pytest.param(POST + b"Content-Length: -1\r\n\r\n", 400, id="a negative length"),
        pytest.param(POST + b"Content-Length: two\r\n\r\n{}", 400, id="a length in words"),
        pytest.param(POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, id="two lengths"),
        pytest.param(POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="a length and chunks"),
        pytest.param(POST + b"Transfer-Encoding: rot13\r\n\r\n{}", 411, id="an unknown transfer coding"),
        pytest.param(POST + b"Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", 417, id="an expectation nobody knows"),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_in_the_one_shape_and_its_connection_ends(server: Server, request_: bytes, status: int) -> None:
    with Wire(server.url) as wire:
        answer = wire.exchange(request_)

        assert_refused(answer, status, "LENGTH_REQUIRED" if status == 411 else "VALIDATION_INVALID_PARAMS")
        assert answer.closes
        assert wire.socket.recv(1) == b""


def test_the_log_names_the_refusal_by_its_id_and_repeats_nothing_that_was_sent(server: Server) -> None:
    with Wire(server.url) as wire:
        answer = wire.exchange(HEAD + f"Bearer {API_KEY}\r\n\r\n".encode())

    assert_refused(answer, 400, "VALIDATION_INVALID_PARAMS")
    assert f"[{answer.headers['x-request-id']}]" in server.log.read_text()
    assert API_KEY not in server.log.read_text() + answer.body.decode()


def test_the_next_connection_is_served_as_if_nothing_had_been(server: Server) -> None:
    with Wire(server.url) as wire:
        assert wire.exchange(request_bytes("GET", "/readyz", [("Host", "localhost")])).status == 200
