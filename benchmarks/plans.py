"""`python -m benchmarks.plans`: what planning costs a single report, by how its statement is planned."""

import argparse
import random

from django.db import connection

from benchmarks.figures import Cost, measured, microseconds, ratio, rounds, table
from benchmarks.scratch import execute, scratch_databases, use

GENERIC = "prepared, force_generic_plan (ours)"
# plan_cache_mode and psycopg's prepare_threshold, of which None never prepares.
VARIANTS: dict[str, tuple[str, int | None]] = {
    GENERIC: ("force_generic_plan", 0),
    "prepared, auto": ("auto", 0),
    "prepared, force_custom_plan": ("force_custom_plan", 0),
    "not prepared": ("auto", None),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plans", description=__doc__)
    parser.add_argument("--rounds", type=rounds, default=20, help="how often each variant has its turn (default: 20)")
    parser.add_argument("--reports", type=int, default=200, help="reports of each kind in a turn (default: 200)")
    options = parser.parse_args()
    starts: dict[str, list[Cost]] = {variant: [] for variant in VARIANTS}
    ends: dict[str, list[Cost]] = {variant: [] for variant in VARIANTS}
    with scratch_databases(["plans"]):
        for _ in range(options.rounds):
            for variant in random.sample([*VARIANTS], len(VARIANTS)):
                _turn_to(*VARIANTS[variant])
                # PostgreSQL's auto decides after five calls; psycopg prepares at the first.
                one_by_one(10)
                start, end = one_by_one(options.reports)
                starts[variant].append(start)
                ends[variant].append(end)
    rows = []
    for variant in VARIANTS:
        cells = [
            ratio([getattr(cost, part) for cost in costs[variant]], [getattr(cost, part) for cost in costs[GENERIC]])
            for costs, part in ((starts, "cpu"), (ends, "cpu"), (ends, "wall"))
        ]
        rows.append([variant, *cells, microseconds([cost.cpu / options.reports for cost in ends[variant]])])
    print(table(["", "start, CPU", "complete, CPU", "complete, by the clock", "CPU µs a complete"], rows))  # noqa: T201


def _turn_to(mode: str, prepare_threshold: int | None) -> None:
    """A new connection, so that no plan of another variant is left."""
    use("plans")
    execute(f"set plan_cache_mode = {mode}")
    connection.connection.prepare_threshold = prepare_threshold


def one_by_one(jobs: int) -> tuple[Cost, Cost]:
    """Starts and completes jobs with one report each, as orchestrators without batches do.

    Returns:
        What the starts and what the completions cost.
    """
    from jobs.actors import Actor, Holder
    from jobs.claiming import claim
    from jobs.enqueueing import NewJob, enqueue
    from jobs.outcomes import Report

    holder = Holder.of("benchmark")
    enqueue([NewJob(type="benchmark", payload={"rows": number}) for number in range(jobs)], by=Actor.producer("benchmark"))
    held = claim(by=holder, batch_size=jobs).jobs
    with measured() as starting:
        for job in held:
            job.start(by=holder, epoch=job.epoch)
    with measured() as ending:
        for job in held:
            job.complete(Report(exit_code=0), by=holder, epoch=job.epoch)
    return starting, ending


if __name__ == "__main__":
    main()
