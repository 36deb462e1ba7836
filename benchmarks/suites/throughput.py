"""Jobs a second through their whole life over HTTP, and through the same statements by raw psycopg."""

import random
from collections.abc import Callable, Iterator

from benchmarks import orchestrators, replay
from benchmarks.measurements import Measurement, Options, Row, Unmeasured
from benchmarks.site import API_KEY, Site
from benchmarks.together import Shift, together

NEEDS = ()
BATCH = 100
HTTP: dict[str, Callable[..., Shift]] = {
    "full life": orchestrators.full_life,
    "claim + complete": orchestrators.claim_and_complete,
    "complete with claim": orchestrators.complete_and_claim_next,
}
RAW: dict[str, Callable[..., Shift]] = {"full life": replay.full_life, "claim + complete": replay.claim_and_complete}
ONE_AT_A_TIME = "complete with claim, one job at a time, 1 orchestrator"
_AGAINST_RAW = {"full life": 0.50, "claim + complete": 0.60}


def over_http(way: str, processes: int) -> str:
    """The cell of a way to live, in batches."""
    return f"{way} over HTTP, {processes} orchestrator{'s' * (processes > 1)}"


def by_raw(way: str, processes: int) -> str:
    return f"{way} by raw psycopg, {processes} process{'es' * (processes > 1)}"


ROWS = [
    *(
        Row(
            f"{way}, batch {BATCH}, 2 orchestrators, over HTTP ÷ the same statements by raw psycopg",
            over_http(way, 2),
            by_raw(way, 2),
            mark,
        )
        for way, mark in _AGAINST_RAW.items()
    ),
    *(Row(f"{way}, batch {BATCH}, 1 orchestrator ÷ raw psycopg", over_http(way, 1), by_raw(way, 1)) for way in RAW),
    *(Row(f"{over_http(way, processes)}, batch {BATCH}", over_http(way, processes), unit="jobs/s") for way in HTTP for processes in (1, 2)),
    Row(ONE_AT_A_TIME, ONE_AT_A_TIME, unit="jobs/s"),
]


def measure(site: Site, options: Options) -> Iterator[Measurement | Unmeasured]:
    from django.conf import settings

    from benchmarks.recording import recorded_life

    jobs = options.size(20_000, quick=400)
    with site.fresh_database() as database, site.server() as server:
        site.enqueue(2 * BATCH)
        life = recorded_life(BATCH)
        connection_options = settings.DATABASES["default"]["OPTIONS"]["options"]

        def ours(way: str, processes: int, *, jobs: int, batch: int = BATCH) -> float:
            site.enqueue(jobs)
            return together(HTTP[way], [(server, API_KEY, f"orchestrator-{number}", batch) for number in range(processes)], jobs=jobs)

        def raw(way: str, processes: int) -> float:
            site.enqueue(jobs)
            return together(RAW[way], [(database, connection_options, life)] * processes, jobs=jobs)

        # Each thread of the server prepares its statements at their first use.
        ours("full life", 2, jobs=options.size(2_000, quick=200))
        cells: list[tuple[str, int, Callable[[], float]]] = [
            *((over_http(way, count), jobs, lambda way=way, count=count: ours(way, count, jobs=jobs)) for way in HTTP for count in (1, 2)),
            *((by_raw(way, count), jobs, lambda way=way, count=count: raw(way, count)) for way in RAW for count in (1, 2)),
            (ONE_AT_A_TIME, jobs // 10, lambda: ours("complete with claim", 1, jobs=jobs // 10, batch=1)),
        ]
        for cell, count, run in random.sample(cells, len(cells)):
            yield Measurement(cell, run(), "jobs/s", count)
