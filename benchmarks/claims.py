"""`python -m benchmarks.claims`: how the cost of a claim grows with the queue, by lanes and by one index for all types."""

import argparse
import time

from django.db import connection, transaction

from benchmarks import seeding
from benchmarks.figures import microseconds, rounds, table
from benchmarks.scratch import execute, scratch_databases, use

TYPES = seeding.types(20)
BATCH = 10
DEPTHS = (10_000, 100_000, 300_000)
# What one would write first: an index in the order of the claim, and a filter on the type.
_PLAIN_INDEX = "create index jobs_plain on jobs ((-priority), scheduled_for, id) where due"
_PLAIN = """
select id from jobs where due and type = any(%s)
order by -priority, scheduled_for, id limit %s for update skip locked
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims", description=__doc__)
    parser.add_argument("--rounds", type=rounds, default=50, help="claims of each kind at each depth (default: 50)")
    options = parser.parse_args()
    rows = []
    with scratch_databases([f"claims_{depth}" for depth in DEPTHS]):
        for depth in DEPTHS:
            use(f"claims_{depth}")
            seeding.fill(queued=depth, finished=0, among=len(TYPES))
            execute(_PLAIN_INDEX)
            execute("analyze jobs")
            for asked, types in (("a rare type, of low priority", [seeding.RARE]), ("any type", [*TYPES, seeding.RARE])):
                by_lanes = [_timed_claim(types) for _ in range(options.rounds)]
                plain = [_timed_plain(types) for _ in range(options.rounds)]
                rows.append([f"{depth:,}", asked, microseconds(by_lanes), microseconds(plain)])
    print(table(["queued", "claimed", "by lanes, µs", "one index, only choosing, µs"], rows))  # noqa: T201


def _timed_claim(types: list[str]) -> float:
    from jobs.actors import Holder
    from jobs.claiming import claim

    with transaction.atomic():
        began = time.perf_counter()
        got = claim(by=Holder.of("benchmark"), batch_size=BATCH, job_types=types).jobs
        took = time.perf_counter() - began
        transaction.set_rollback(True)
    _refuse_short(len(got))
    return took


def _timed_plain(types: list[str]) -> float:
    with transaction.atomic(), connection.cursor() as cursor:
        began = time.perf_counter()
        cursor.execute(_PLAIN, [types, BATCH])
        got = cursor.fetchall()
        took = time.perf_counter() - began
    _refuse_short(len(got))
    return took


def _refuse_short(got: int) -> None:
    if got != BATCH:
        raise RuntimeError(f"{got} jobs of {BATCH}: the two ways can't be compared")


if __name__ == "__main__":
    main()
