"""A single report, against a bare Django view that asks the database for a 1."""

import time
from collections.abc import Iterator

from benchmarks.client import Client
from benchmarks.figures import percentile
from benchmarks.measurements import Measurement, Options, Row, Unmeasured
from benchmarks.orchestrators import Jobs
from benchmarks.site import API_KEY, Site

NEEDS = ()
START, COMPLETE, BARE = "`PUT /jobs/{id}/status` running, p50", "`PUT /jobs/{id}/status` completed, p50", "bare view with `SELECT 1`, p50"
ROWS = [
    Row(f"{START} ÷ {BARE}", START, BARE, at_most=2.0),
    Row(f"{COMPLETE} ÷ {BARE}", COMPLETE, BARE),
    *(Row(cell, cell, unit="ms") for cell in (START, COMPLETE, BARE)),
]
# Claimed at once: they are reported on before their claim runs out.
_CLAIMED = 50
_WARM_UP = 50


def measure(site: Site, options: Options) -> Iterator[Measurement | Unmeasured]:
    reports = options.size(1_000, quick=50)
    took: dict[str, list[float]] = {START: [], COMPLETE: [], BARE: []}
    bare_settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.bare.settings"}
    with site.fresh_database(), site.server() as ours, site.server(bare_settings) as theirs:
        site.enqueue(reports + _WARM_UP)
        with Client.orchestrator(ours, key=API_KEY, name="reporter") as client, Client(theirs, {}) as bare:

            def turn(cell: str, asked: Client, method: str, path: str, body: bytes = b"") -> None:
                began = time.perf_counter()
                asked.fetch(method, path, body)
                took[cell].append(time.perf_counter() - began)

            while jobs := client.ask("POST", "/jobs/claim", {"batchSize": _CLAIMED}, answer=Jobs).jobs:
                # In turns, request by request: whatever else the machine does, it does to all three.
                for job in jobs:
                    for cell, status in ((START, b"running"), (COMPLETE, b"completed")):
                        body = b'{"status": "%b", "leaseToken": "%b"}' % (status, job.lease.token.encode())
                        turn(cell, client, "PUT", f"/api/internal/jobs/{job.id}/status", body)
                        turn(BARE, bare, "GET", "/one")
    for cell, times in took.items():
        measured = [1000 * each for each in times[_WARM_UP:]]
        yield Measurement(cell, percentile(measured, 50), "ms", len(measured), {"p99": percentile(measured, 99)})
