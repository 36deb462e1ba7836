"""`python -m benchmarks.wake_up`: how long after an enqueue a waiting claim is answered, woken and by looking alone, over real sockets."""

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from datetime import datetime
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from benchmarks.figures import rounds, table
from benchmarks.scratch import scratch_databases

WOKEN = "woken (ours)"
LOOKING = "looking each 100 ms, no wake-up arrives"
API_KEY = "the-service-key-of-the-benchmark"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wake_up", description=__doc__)
    parser.add_argument("--rounds", type=rounds, default=200, help="jobs enqueued for each way and number of waiters (default: 200)")
    options = parser.parse_args()
    rows = []
    with scratch_databases([]):
        from tests.server import running_server

        # Long polls that listen to another database are told nothing.
        elsewhere = urlsplit(os.environ["DATABASE_URL"])._replace(path="/postgres").geturl()
        ways: dict[str, Mapping[str, str]] = {WOKEN: {}, LOOKING: {"JOBSITE_LISTEN_URL": elsewhere}}
        for way, environment in ways.items():
            with running_server(workers=2, environment={"INTERNAL_API_KEY": API_KEY, **environment}) as server:
                for waiters in (1, 4):
                    latencies = [_one_round(server.url, waiters) for _ in range(options.rounds)]
                    rows.append(
                        [
                            way,
                            str(waiters),
                            *(f"{_percentile(latencies, share) * 1000:.1f}" for share in (50, 99)),
                            f"{max(latencies) * 1000:.1f}",
                        ]
                    )
    print(table(["", "who wait", "p50 ms", "p99 ms", "longest"], rows))  # noqa: T201  this is the program's output


def _one_round(url: str, waiters: int) -> float:
    """Seconds from when a job is made, by the clock of the database on this machine, to its answer at one of those who wait."""
    with ThreadPoolExecutor(waiters) as threads:
        waiting = [threads.submit(_claim, url) for _ in range(waiters)]
        # Until all of them wait; a moment of chance, so that nothing falls into step with the looking.
        time.sleep(0.15 + random.random() / 10)  # noqa: S311  not a secret
        first = _enqueue(url)
        wait(waiting, return_when=FIRST_COMPLETED)
        # The others are given one more each.
        for _ in range(waiters - 1):
            _enqueue(url)
        answered = dict(each.result() for each in waiting)
    return answered[first]


def _enqueue(url: str) -> str:
    return str(_ask(url, "/jobs", {"type": "benchmark", "payload": None})["job"]["id"])


def _claim(url: str) -> tuple[str, float]:
    """Waits for one job; its id and how old it was when it came. (A process lets four wait, and all may come to the same one.)"""
    answer = _ask(url, "/jobs/claim", {"batchSize": 1, "wait": 30})
    if answer["count"] != 1:
        raise RuntimeError(f"no job came: {answer}")
    came, (job,) = time.time(), answer["jobs"]
    return job["id"], came - datetime.fromisoformat(job["createdAt"]).timestamp()


def _ask(url: str, path: str, body: Any) -> Any:
    with closing(HTTPConnection(url.removeprefix("http://"), timeout=60)) as connection:
        headers = {"Authorization": f"Bearer {API_KEY}", "X-Orchestrator-ID": "benchmark", "Content-Type": "application/json"}
        connection.request("POST", f"/api/internal{path}", json.dumps(body).encode(), headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        if answer.status >= 300:
            raise RuntimeError(content)
        return content


def _percentile(values: list[float], share: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


if __name__ == "__main__":
    main()
