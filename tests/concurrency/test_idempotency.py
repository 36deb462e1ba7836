"""A key makes at most one job: under many identical calls at once, and when the server is killed in the middle of one."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection, HTTPException

import psycopg

from jobs.models import IdempotencyKey, Job
from tests.postgres import API_KEY
from tests.server import Server

CALLERS = 32
# Once may go well by chance.
ROUNDS = 8
BODY = json.dumps({"type": "t", "payload": {"order": 17}}).encode()
INSERTING = (
    "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ilike '%idempotency_keys%'"
)


def test_of_32_identical_calls_at_once_one_makes_the_job_and_all_get_its_answer(server: Server) -> None:
    made = []
    with ThreadPoolExecutor(CALLERS) as callers:
        for number in range(ROUNDS):
            answers = list(callers.map(partial(_post, server.url), [f"order-{number}"] * CALLERS))

            assert [status for status, _, _ in answers] == [201] * CALLERS
            assert {body for _, _, body in answers} == {answers[0][2]}
            assert sum(replayed is None for _, replayed, _ in answers) == 1
            made.append(json.loads(answers[0][2])["job"]["id"])

    assert sorted(made) == sorted(Job.objects.values_list("id", flat=True))


def test_a_server_killed_between_the_job_and_its_answer_leaves_neither(server: Server, live_db: str) -> None:
    with psycopg.connect(live_db) as blocker, ThreadPoolExecutor(1) as callers:
        # The job is written, its answer can't be: there the server dies.
        blocker.execute("lock table idempotency_keys in share mode")
        lost = callers.submit(_post, server.url, "order-17")
        _until_it_waits(live_db)
        for worker in server.workers:
            os.kill(worker, signal.SIGKILL)
        assert isinstance(lost.exception(), OSError | HTTPException)
        blocker.rollback()
    status, replayed, body = _insisting(server.url, "order-17")

    assert (status, replayed) == (201, None)
    (job,) = Job.objects.all()
    assert json.loads(body)["job"]["id"] == job.id
    assert IdempotencyKey.objects.count() == 1


def _post(url: str, key: str) -> tuple[int, str | None, bytes]:
    connection = HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json", "Idempotency-Key": key}
        connection.request("POST", "/api/internal/jobs", BODY, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Idempotency-Replayed"], answer.read()
    finally:
        connection.close()


def _insisting(url: str, key: str) -> tuple[int, str | None, bytes]:
    deadline = time.monotonic() + 30
    while True:
        try:
            return _post(url, key)
        except (OSError, HTTPException):
            assert time.monotonic() < deadline, "no worker took the place of the killed ones"
            time.sleep(0.05)


def _until_it_waits(url: str) -> None:
    deadline = time.monotonic() + 10
    with psycopg.connect(url, autocommit=True) as watcher:
        while watcher.execute(INSERTING).fetchone() is None:
            assert time.monotonic() < deadline, "the call does not come to its answer"
            time.sleep(0.005)
