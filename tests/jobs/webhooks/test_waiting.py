"""A try is over at its time, whatever the other side does; and TLS is what it should be."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpcore2
import pytest

from jobs.webhooks.posting import Answer, Poster

MANNERS = {
    "says nothing": (b"", 0.0),
    "drips a header for ever": (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1000, 0.05),
    "promises for ever": (b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 0.01),
}


@contextmanager
def serving(said: bytes, pause: float, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A port where each connection is told something byte by byte, or at once if there is no pause, and then nothing."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while not done.is_set():
                try:
                    connection, _ = listener.accept()
                    speaking = context.wrap_socket(connection, server_side=True) if context else connection
                    if context:
                        # What is left unread when it closes would take the answer back.
                        _read_request(speaking)
                    for byte in [said[n : n + 1] for n in range(len(said))] if pause else [said]:
                        speaking.sendall(byte)
                        if done.wait(pause):
                            break
                    if not context:
                        done.wait(10)
                    speaking.close()
                except OSError:
                    continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        done.set()


def _read_request(connection: socket.socket) -> None:
    read = b""
    while not read.endswith(b"{}"):
        piece = connection.recv(4096)
        if not piece:
            return
        read += piece


def posted(url: str, seconds: float = 1.0) -> Answer:
    with ThreadPoolExecutor(2) as resolvers:
        return Poster(resolvers).post(url, "{}", headers={}, within_seconds=seconds)


@pytest.mark.parametrize("manner", MANNERS)
def test_a_receiver_that_takes_its_time_gets_no_more_than_ours(manner: str) -> None:
    with serving(*MANNERS[manner]) as port:
        answer = posted(f"http://127.0.0.1:{port}/")

    assert answer.error == "no answer within 1 s"
    assert 0.9 < answer.seconds < 2


def test_a_body_that_never_ends_takes_nothing_away_from_its_status() -> None:
    with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhello", 0) as port:
        answer = posted(f"http://127.0.0.1:{port}/")

    assert (answer.status, answer.head, answer.error) == (200, "hello", None)
    assert answer.seconds < 2


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(*_: Any, **__: Any) -> Any:
        time.sleep(2)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    resolvers = ThreadPoolExecutor(1)
    answer = Poster(resolvers).post("http://hooks.example/", "{}", headers={}, within_seconds=0.5)

    assert answer.error == "no answer within 0.5 s"
    assert answer.seconds < 1.5
    resolvers.shutdown()


def test_what_is_no_http_is_an_answer_that_does_not_do() -> None:
    with serving(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 0) as port:
        answer = posted(f"http://127.0.0.1:{port}/")

    assert answer.status is None
    assert "ProtocolError" in str(answer.error)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of `localhost`, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    made, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    return made, key


def test_tls_is_spoken_with_whom_the_authorities_know_under_the_name_of_the_url(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with serving(answer, 0, server) as port:
        unknown = posted(f"https://localhost:{port}/", 5)
        known = ssl.create_default_context(cafile=str(certificate[0]))
        monkeypatch.setattr(httpcore2, "default_ssl_context", lambda: known)
        good = posted(f"https://localhost:{port}/", 5)
        other_name = posted(f"https://127.0.0.1:{port}/", 5)

    assert (good.status, good.head, good.error) == (200, "ok", None)
    assert unknown.status is None
    assert "certificate verify failed" in str(unknown.error)
    assert other_name.status is None
    assert "certificate verify failed" in str(other_name.error)
