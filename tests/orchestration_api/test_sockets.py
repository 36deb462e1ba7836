"""What only shows on a real connection: bodies that are refused, connections that stay good, methods that Django would reroute."""

import json
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.factories import JobFactory
from tests.postgres import API_KEY
from tests.server import running_server

HEADERS = {"Authorization": f"Bearer {API_KEY}", "X-Orchestrator-ID": "orch-1", "Content-Type": "application/json"}
HEALTH = "/api/internal/orchestrator/health"


@pytest.fixture
def connection(live_db: str) -> Iterator[HTTPConnection]:
    """One connection to a real server, kept over several requests."""
    with running_server(workers=1) as server:
        connection = HTTPConnection(server.url.removeprefix("http://"), timeout=20)
        yield connection
        connection.close()


def ask(connection: HTTPConnection, method: str, path: str, body: bytes | None = None, **options: Any) -> tuple[int, Any]:
    connection.request(method, path, body, headers={**HEADERS, **options.pop("headers", {})}, **options)
    answer = connection.getresponse()
    content = answer.read()
    return answer.status, json.loads(content) if content else None


def test_errors_are_answered_after_the_body_was_read_on_a_connection_that_stays_open(connection: HTTPConnection) -> None:
    job = JobFactory(status="running")
    report = f"/api/internal/jobs/{job.id}/complete"
    refusals = [
        (401, b"x" * 1_000_000, {"Authorization": "Bearer wrong"}),
        (413, b"x" * (16 * 1024 * 1024 + 1), {}),
        (415, b'{"exitCode": 0}', {"Content-Encoding": "gzip"}),
        (400, b"[" * 100_000, {}),
        (404, b'{"exitCode": 0}', {}),
    ]
    ask(connection, "GET", HEALTH)
    first = connection.sock
    for status, body, headers in refusals:
        path = report if status != 404 else "/api/internal/jobs/job_nope/complete"
        told, answer = ask(connection, "POST", path, body, headers=headers)
        assert told == status, answer
        assert set(answer) == {"error"}
        assert ask(connection, "GET", HEALTH)[0] == 200
    assert connection.sock is first


def test_a_chunked_body_is_refused_and_never_taken_as_empty(connection: HTTPConnection) -> None:
    job = JobFactory(status="claimed")
    connection.request(
        "POST",
        f"/api/internal/jobs/{job.id}/acknowledge",
        iter([b'{"orchestratorId":', b'"orch-1"}']),
        headers=HEADERS,
        encode_chunked=True,
    )
    answer = connection.getresponse()

    assert (answer.status, json.loads(answer.read())["error"]["code"]) == (411, "LENGTH_REQUIRED")
    job.refresh_from_db()
    assert job.acknowledged_at is None
    assert ask(connection, "GET", HEALTH)[0] == 200


def test_head_on_the_claiming_get_claims_nothing(connection: HTTPConnection) -> None:
    job = JobFactory()

    assert ask(connection, "HEAD", "/api/internal/jobs/queue")[0] == 405
    job.refresh_from_db()
    assert job.status == "queued"


def test_a_host_that_is_not_ours_is_refused_in_the_one_shape(connection: HTTPConnection) -> None:
    status, answer = ask(connection, "GET", "/api/internal/jobs", headers={"Host": "evil.example"})

    assert (status, answer["error"]["code"]) == (400, "VALIDATION_INVALID_PARAMS")


def test_a_release_of_megabytes_of_log_lines_goes_through(connection: HTTPConnection) -> None:
    job = JobFactory(status="running")
    entries = [{"sequence": n, "stream": "stdout", "line": "ä" * 30_000, "timestamp": None} for n in range(100)]
    status, answer = ask(
        connection, "POST", f"/api/internal/jobs/{job.id}/logs", json.dumps({"entries": entries}, ensure_ascii=False).encode()
    )

    assert (status, answer["stored"]) == (200, 100)
    connection.request("GET", f"/api/internal/jobs/{job.id}/logs.txt", headers=HEADERS)
    assert connection.getresponse().read().decode() == ("ä" * 30_000 + "\n") * 100


def test_half_of_the_threads_may_wait_and_the_other_half_serves(live_db: str) -> None:
    """Of 8 long polls on 8 threads 4 wait and 4 are told at once that it is busy; a plain request is answered meanwhile."""
    body = json.dumps({"wait": 20}).encode()
    headers = ["Host: localhost", *(f"{name}: {value}" for name, value in HEADERS.items())]
    post = "\r\n".join(["POST /api/internal/jobs/claim HTTP/1.1", *headers, f"Content-Length: {len(body)}", "", ""]).encode() + body
    get = "\r\n".join(["GET /api/internal/jobs/queue?wait=20 HTTP/1.1", *headers, "", ""]).encode()
    with running_server(workers=1) as server, ExitStack() as connections:
        host, port = server.url.removeprefix("http://").split(":")
        polls = [connections.enter_context(socket.create_connection((host, int(port)), timeout=20)) for _ in range(8)]
        for poll, request in zip(polls, [post, get] * 4, strict=True):
            poll.sendall(request)
        answered: list[socket.socket] = []
        deadline = time.monotonic() + 15
        while len(answered) < 4 and time.monotonic() < deadline:
            time.sleep(0.1)
            answered, _, _ = select.select(polls, [], [], 0)

        assert len(answered) == 4
        assert all(b'"reason":"busy"' in poll.recv(65536) for poll in answered)
        with closing(HTTPConnection(host, int(port), timeout=20)) as connection:
            assert ask(connection, "GET", HEALTH)[0] == 200


def test_those_who_lose_the_race_for_a_job_wait_on_and_its_winner_is_told_at_once(live_db: str) -> None:
    answers: list[tuple[float, int]] = []

    def wait(address: str) -> None:
        began = time.monotonic()
        with closing(HTTPConnection(address, timeout=20)) as waiter:
            count = ask(waiter, "POST", "/api/internal/jobs/claim", json.dumps({"wait": 5}).encode())[1]["count"]
        answers.append((time.monotonic() - began, count))

    with running_server(workers=1) as server:
        address = server.url.removeprefix("http://")
        waiters = [threading.Thread(target=wait, args=[address]) for _ in range(3)]
        for waiter in waiters:
            waiter.start()
        time.sleep(1)
        with closing(HTTPConnection(address, timeout=20)) as connection:
            assert ask(connection, "POST", "/api/internal/jobs", b'{"type": "t", "payload": 1}')[0] == 201
        for waiter in waiters:
            waiter.join()
    (won, *lost) = sorted(answers)

    assert [count for _, count in (won, *lost)] == [1, 0, 0]
    # Far from the 5 s that the others wait out, however busy the machine.
    assert won[0] < 4
    assert all(seconds > 4.9 for seconds, _ in lost)
