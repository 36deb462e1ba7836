"""Workers share out their callers, and a thread stays with one who asks again at once while nobody else waits for it."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn

from jobsite.worker import Worker
from tests.server import Server, running_server

THREADS = 4


@pytest.fixture(scope="module")
def server(module_db: str) -> Iterator[Server]:
    with running_server(workers=1, environment={"JOBSITE_WEB_THREADS": str(THREADS)}) as server:
        yield server


class Caller(HTTPConnection):
    def __init__(self, server: Server) -> None:
        super().__init__(server.url.removeprefix("http://"), timeout=10)

    def ask(self) -> None:
        self.request("GET", "/healthz")
        answer = self.getresponse()
        answer.read()
        assert answer.status == 200


@contextmanager
def busy_callers(server: Server, number: int) -> Iterator[None]:
    """So many who ask again as soon as they are answered."""
    stopped = threading.Event()

    def ask_on() -> None:
        caller = Caller(server)
        while not stopped.is_set():
            caller.ask()
        caller.close()

    threads = [threading.Thread(target=ask_on) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def awakenings_of_the_main_thread(server: Server) -> int:
    (worker,) = server.workers
    lines = Path(f"/proc/{worker}/task/{worker}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def test_the_main_thread_is_not_asked_for_each_request_of_a_caller_who_asks_again_at_once(server: Server) -> None:
    caller, asked, least = Caller(server), 100, 10_000
    # On a busy machine this caller itself may be late.
    for _ in range(10):
        before = awakenings_of_the_main_thread(server)
        for _ in range(asked):
            caller.ask()
        least = min(least, awakenings_of_the_main_thread(server) - before)
        if least < asked / 2:
            break
    caller.close()

    assert least < asked / 2


def test_callers_who_ask_on_and_on_keep_nobody_waiting(server: Server) -> None:
    with busy_callers(server, 2 * THREADS), ExitStack() as stack:
        for _ in range(20):
            caller = Caller(server)
            stack.callback(caller.close)
            began = time.monotonic()
            caller.ask()
            assert time.monotonic() - began < 2


def sockets_of(pid: int) -> int:
    return sum(os.readlink(each).startswith("socket:") for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink())


def test_processes_share_out_the_callers_who_stay(module_db: str) -> None:
    with running_server(workers=2) as server, ExitStack() as stack:
        before = [sockets_of(worker) for worker in server.workers]
        for _ in range(10):
            # Two who come at the same moment.
            callers = [Caller(server) for _ in range(2)]
            for caller in callers:
                stack.callback(caller.close)
                caller.connect()
            for caller in callers:
                caller.ask()
        shares = [sockets_of(worker) - own for worker, own in zip(server.workers, before, strict=True)]

    assert min(shares) >= 7


@pytest.fixture
def worker() -> Iterator[Worker]:
    """A worker of two threads that serves nobody."""
    config = Config()
    config.set("threads", 2)
    worker = Worker(0, os.getpid(), [], None, 30, config, Logger(config))
    worker.tpool = ThreadPoolExecutor(1)
    yield worker
    worker.tpool.shutdown()
    worker.tmp.close()


@pytest.fixture
def connection(worker: Worker) -> Iterator[TConn]:
    """One that was answered, whose next request has come."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = TConn(worker.cfg, ours, ("127.0.0.1", 1), ("127.0.0.1", 2))
        connection.init()
        theirs.sendall(b"GET / HTTP/1.1\r\n\r\n")
        yield connection


def test_a_thread_stays_when_the_next_request_is_there(worker: Worker, connection: TConn) -> None:
    assert worker._follows_at_once(connection)


def test_none_stays_while_another_request_waits_for_a_thread(worker: Worker, connection: TConn) -> None:
    let_go = threading.Event()
    for _ in range(2):
        worker.tpool.submit(let_go.wait)
    try:
        assert not worker._follows_at_once(connection)
    finally:
        let_go.set()


def test_half_of_the_threads_stay_with_nobody(worker: Worker, connection: TConn) -> None:
    with worker._may_linger:
        assert not worker._follows_at_once(connection)
    assert worker._follows_at_once(connection)


def test_none_stays_when_the_worker_ends(worker: Worker, connection: TConn) -> None:
    worker.alive = False

    assert not worker._follows_at_once(connection)
