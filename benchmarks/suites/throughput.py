"""Jobs a second over HTTP, and by raw psycopg that runs the same statements."""

import random
from collections.abc import Callable, Iterator, Sequence

from benchmarks import orchestrators, replay
from benchmarks.measurements import Measurement, Options, Row, Unmeasured
from benchmarks.site import API_KEY, Site
from benchmarks.together import Shift, shifts, speed

NEEDS = ()
BATCH = 100
PROCESSES = (1, 2)
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


def cpu_of(cell: str) -> str:
    """The cell of the CPU time a job takes, of all that work on it."""
    return f"{cell}, CPU"


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
    *(
        Row(f"{way}, by CPU time: raw psycopg's ÷ that over HTTP, {count} each", cpu_of(by_raw(way, count)), cpu_of(over_http(way, count)))
        for way in RAW
        for count in PROCESSES
    ),
    *(Row(f"{way}, batch {BATCH}, 1 orchestrator ÷ raw psycopg", over_http(way, 1), by_raw(way, 1)) for way in RAW),
    *(Row(f"{over_http(way, count)}, batch {BATCH}", over_http(way, count), unit="jobs/s") for way in HTTP for count in PROCESSES),
    Row(ONE_AT_A_TIME, ONE_AT_A_TIME, unit="jobs/s"),
]


def measure(site: Site, options: Options) -> Iterator[Measurement | Unmeasured]:
    from django.conf import settings

    from benchmarks.recording import recorded_life

    jobs = options.size(20_000, quick=400)
    with site.fresh_database() as database, site.server() as server:
        site.enqueue(2 * BATCH)
        raw = [database, settings.DATABASES["default"]["OPTIONS"]["options"], recorded_life(BATCH)]

        def ours(batch: int, count: int) -> Sequence[Sequence[object]]:
            return [(server, API_KEY, f"orchestrator-{number}", batch) for number in range(count)]

        # Each thread of the server prepares its statements at their first use.
        warm_up = options.size(2_000, quick=200)
        site.enqueue(warm_up)
        shifts(orchestrators.full_life, ours(BATCH, 2), jobs=warm_up)
        cells = [
            *((over_http(way, count), work, ours(BATCH, count), jobs) for way, work in HTTP.items() for count in PROCESSES),
            *((by_raw(way, count), work, [raw] * count, jobs) for way, work in RAW.items() for count in PROCESSES),
            (ONE_AT_A_TIME, orchestrators.complete_and_claim_next, ours(1, 1), jobs // 10),
        ]
        for cell in random.sample(cells, len(cells)):
            yield from _timed(site, *cell)


def _timed(site: Site, cell: str, work: Callable[..., Shift], arguments: Sequence[Sequence[object]], jobs: int) -> Iterator[Measurement]:
    site.enqueue(jobs)
    before = site.cpu_seconds()
    done = shifts(work, arguments, jobs=jobs)
    spent = {who: seconds - before[who] for who, seconds in site.cpu_seconds().items()}
    spent["clients"] = sum(shift.cpu_seconds for shift in done)
    yield Measurement(cell, speed(done), "jobs/s", jobs)
    each = {who: 1e6 * seconds / jobs for who, seconds in spent.items()}
    yield Measurement(cpu_of(cell), sum(each.values()), "µs", jobs, {who: round(value) for who, value in each.items()})
