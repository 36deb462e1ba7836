"""How soon a report that is sent is seen by another reader, at half load."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec

from benchmarks.client import Client
from benchmarks.figures import percentile
from benchmarks.measurements import Measurement, Options, Row, Unmeasured
from benchmarks.orchestrators import Claimed, Jobs, Rulings, complete_and_claim_next
from benchmarks.site import API_KEY, Site
from benchmarks.together import together

NEEDS = ()
BY_JOB, BY_FEED = "seen by `GET /jobs/{id}`, p99", "seen in `GET /events`, p99"
ROWS = [
    Row(f"a report, from sent to {BY_JOB}, at half load", BY_JOB, at_most=100, unit="ms"),
    Row(f"a report, from sent to {BY_FEED}, by one who reads all that happens", BY_FEED, unit="ms"),
]
BATCH, ORCHESTRATORS = 100, 2
_LOOK_EACH_SECONDS = 0.002
# Between samples: a time of chance, so that nothing falls into step with the load.
_PAUSE_SECONDS = 0.01


def measure(site: Site, options: Options) -> Iterator[Measurement | Unmeasured]:
    by_feed, by_job, seconds = options.size(100, quick=5), options.size(500, quick=10), options.size(25, quick=1)
    names = [f"orchestrator-{number}" for number in range(ORCHESTRATORS)]
    with site.fresh_database(), site.server() as server, ThreadPoolExecutor(1) as beside:
        whole = options.size(8_000, quick=400)
        site.enqueue(whole)
        speed = together(complete_and_claim_next, [(server, API_KEY, name, BATCH) for name in names], jobs=whole)
        with (
            Client.orchestrator(server, key=API_KEY, name="reporter") as reporter,
            Client.orchestrator(server, key=API_KEY, name="reader") as reader,
        ):
            held = _running(site, reporter, by_feed + by_job)
            feed = _Feed(reader)
            jobs = int(speed / 2 * seconds)
            site.enqueue(jobs)
            asked = [(server, API_KEY, name, BATCH, speed / 2 / ORCHESTRATORS) for name in names]
            load = beside.submit(together, complete_and_claim_next, asked, jobs=jobs)

            def is_completed(job_id: str) -> bool:
                return reader.ask("GET", f"/jobs/{job_id}", answer=_Job).status == "completed"

            # The feed first: who follows it must not fall behind.
            times = {BY_FEED: [*_sampled(feed.tells_of_completion, reporter, held[:by_feed], load)]}
            times[BY_JOB] = [*_sampled(is_completed, reporter, held[by_feed:], load)]
            reached = load.result() / speed
    for cell, taken in times.items():
        if len(taken) < 2:
            yield Unmeasured(cell, "the load was over first")
            continue
        details = {"p50": percentile(taken, 50), "load": round(reached, 2)}
        yield Measurement(cell, percentile(taken, 99), "ms", len(taken), details)


def _running(site: Site, reporter: Client, count: int) -> list[Claimed]:
    """Jobs that the reporter runs."""
    site.enqueue(count)
    running: list[Claimed] = []
    while jobs := reporter.ask("POST", "/jobs/claim", {"batchSize": BATCH}, answer=Jobs).jobs:
        starts = [{"jobId": job.id, "leaseToken": job.lease.token, "action": "start"} for job in jobs]
        if reporter.ask("POST", "/jobs/status", {"updates": starts}, answer=Rulings).rejected:
            raise RuntimeError("a start was refused")
        running += jobs
    return running


def _sampled(seen: Callable[[str], bool], reporter: Client, jobs: Sequence[Claimed], load: Future[float]) -> Iterator[float]:
    """Milliseconds from sent to seen, of these jobs, or as many as the load lasts for."""
    for job in jobs:
        if load.done():
            return
        yield 1000 * _seconds_until(seen, reporter, job)
        time.sleep(random.uniform(0, _PAUSE_SECONDS))  # noqa: S311  not a secret


def _seconds_until(seen: Callable[[str], bool], reporter: Client, job: Claimed) -> float:
    body = msgspec.json.encode({"status": "completed", "leaseToken": job.lease.token})
    began = time.perf_counter()
    reporter.send("PUT", f"/api/internal/jobs/{job.id}/status", body)
    while not seen(job.id):
        time.sleep(_LOOK_EACH_SECONDS)
    took = time.perf_counter() - began
    reporter.receive()
    return took


class _Job(msgspec.Struct):
    status: str


class _Entry(msgspec.Struct, rename="camel"):
    job_id: str | None
    to_status: str | None


class _Page(msgspec.Struct, rename="camel"):
    events: list[_Entry]
    next_cursor: str


class _Feed:
    """One who follows all that happens on the site, from now on."""

    def __init__(self, reader: Client) -> None:
        self._reader = reader
        self._cursor = "0"
        while self._next():
            pass

    def tells_of_completion(self, job_id: str) -> bool:
        """Whether the next page says that this job is completed."""
        return any(entry.job_id == job_id and entry.to_status == "completed" for entry in self._next())

    def _next(self) -> list[_Entry]:
        page = self._reader.ask("GET", f"/events?after={self._cursor}&limit=1000", answer=_Page)
        self._cursor = page.next_cursor
        return page.events
