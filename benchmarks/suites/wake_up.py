"""How soon after an enqueue a claim that waits for work is answered."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from benchmarks.client import Client
from benchmarks.figures import percentile
from benchmarks.measurements import Measurement, Options, Row, Unmeasured
from benchmarks.site import API_KEY, Site

NEEDS = ()
WAITERS = (1, 4)
WOKEN, LOOKING = "woken", "by looking alone, no wake-up arrives"


def waited(how: str, waiters: int, share: str) -> str:
    """The cell of how long those wait."""
    return f"enqueued → answered to one of {waiters} who wait{'s' * (waiters == 1)}, {how}, {share}"


ROWS = [
    *(
        Row(waited(WOKEN, waiters, share), waited(WOKEN, waiters, share), at_most=mark, unit="ms")
        for waiters in WAITERS
        for share, mark in (("p50", 10), ("p99", 50))
    ),
    *(Row(waited(LOOKING, 1, share), waited(LOOKING, 1, share), unit="ms") for share in ("p50", "p99")),
]


class _Job(msgspec.Struct, rename="camel"):
    id: str
    created_at: datetime


class _One(msgspec.Struct):
    job: _Job


class _Claim(msgspec.Struct):
    jobs: list[_Job]


def measure(site: Site, options: Options) -> Iterator[Measurement | Unmeasured]:
    samples = options.size(100, quick=3)
    with site.fresh_database() as database:
        # Long polls that listen to another database are told nothing.
        elsewhere = {"JOBSITE_LISTEN_URL": urlsplit(database)._replace(path="/postgres").geturl()}
        for how, environment, numbers in ((WOKEN, {}, WAITERS), (LOOKING, elsewhere, (1,))):
            with site.server(environment) as server:
                for waiters in numbers:
                    times = [1000 * _seconds(server, waiters) for _ in range(samples)]
                    for share in (50, 99):
                        yield Measurement(
                            waited(how, waiters, f"p{share}"), percentile(times, share), "ms", samples, {"longest": max(times)}
                        )


def _seconds(url: str, waiters: int) -> float:
    """From when a job is made, by the clock of the database on this machine, to its answer at one of those who wait."""
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
    with Client.orchestrator(url, key=API_KEY, name="producer") as client:
        return client.ask("POST", "/jobs", {"type": "benchmark", "payload": None}, answer=_One).job.id


def _claim(url: str) -> tuple[str, float]:
    """Waits for one job; its id and how old it was when it came. (A process lets four wait, and all may come to the same one.)"""
    with Client.orchestrator(url, key=API_KEY, name="benchmark") as client:
        jobs = client.ask("POST", "/jobs/claim", {"batchSize": 1, "wait": 30}, answer=_Claim).jobs
    came = time.time()
    if len(jobs) != 1:
        raise RuntimeError(f"{len(jobs)} jobs came, not one")
    return jobs[0].id, came - jobs[0].created_at.timestamp()
