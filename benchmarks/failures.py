"""`python -m benchmarks.failures`: reporters that fail alike against such that fail each in its own way, and what a failure costs."""

import argparse
import multiprocessing
import random
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier

import django

from benchmarks.figures import ratio, rounds, table
from benchmarks.scratch import execute, scratch_databases, use

# What a reporter says: names stay in a message, numbers don't.
WAYS: dict[str, Callable[[str, int], str]] = {
    "each in its own way": lambda name, number: f"{name} has not found order {number}",
    "all alike": lambda name, number: f"the worker has not found order {number}",
}
NAMES = [f"{first}{second}" for first in ("alpha", "beta", "gamma", "delta") for second in ("north", "south", "east", "west")]
REPORTERS = len(NAMES)
_READY_WITHIN_SECONDS = 120
# As it would be if the report itself counted: one row for all that fail alike, locked until the commit.
COUNTED_BY_THE_REPORT = """
create table counted (fingerprint text primary key, failures bigint not null);
create function count_failure() returns trigger language plpgsql as $f$ begin
  insert into counted values (new.fingerprint, 1) on conflict (fingerprint) do update set failures = counted.failures + 1;
  return null;
end $f$;
create trigger count_failure after update of status on jobs for each row when (new.status = 'failed') execute function count_failure();
"""
CASES = [("folded afterwards", "each in its own way"), ("folded afterwards", "all alike"), ("counted by the report", "all alike")]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.failures", description=__doc__)
    parser.add_argument("--rounds", type=rounds, default=7, help="how often each case has its turn (default: 7)")
    parser.add_argument("--jobs", type=int, default=100, help="failures of each of the 16 reporters in a turn (default: 100)")
    options = parser.parse_args()
    taken: dict[tuple[str, str], list[float]] = {case: [] for case in CASES}
    names = {"folded afterwards": "folded", "counted by the report": "counted"}
    with scratch_databases([*names.values()]):
        use(names["counted by the report"])
        execute(COUNTED_BY_THE_REPORT)
        gate = multiprocessing.get_context("spawn").Barrier(REPORTERS + 1)
        with ProcessPoolExecutor(
            REPORTERS, mp_context=multiprocessing.get_context("spawn"), initializer=_begin, initargs=(gate,)
        ) as reporters:
            for number in range(options.rounds + 1):
                for design, way in random.sample(CASES, len(CASES)):
                    seconds = _turn(reporters, gate, names[design], way, options.jobs)
                    # The first round makes the groups and the plans.
                    if number:
                        taken[design, way].append(seconds)
    print(report(taken, failures=REPORTERS * options.jobs))  # noqa: T201  this is the program's output


def report(taken: dict[tuple[str, str], list[float]], *, failures: int) -> str:
    """The table: failures a second, and throughput as a ratio to the first case in the same round."""
    first = taken[CASES[0]]
    rows = []
    for design, way in CASES:
        seconds = taken[design, way]
        rows.append([design, way, f"{failures / sorted(seconds)[len(seconds) // 2]:,.0f}", ratio(first, seconds)])
    return table(["groups are", f"{REPORTERS} reporters fail", "failures/s", "throughput, to the first"], rows)


def _turn(reporters: ProcessPoolExecutor, gate: Barrier, database: str, way: str, jobs: int) -> float:
    """How long the reporters take, each with jobs of its own that it holds already, while a loop folds beside them."""
    from jobs import failure_groups

    use(database)
    work = [reporters.submit(_report, database, name, way, jobs) for name in NAMES]
    gate.wait(_READY_WITHIN_SECONDS)
    began = time.perf_counter()
    while not all(each.done() for each in work):
        failure_groups.fold()
        time.sleep(0.2)
    for each in work:
        each.result()
    return max(each.result() for each in work) - began


_gate: Barrier


def _begin(gate: Barrier) -> None:
    global _gate
    _gate = gate
    django.setup()


def _report(database: str, name: str, way: str, jobs: int) -> float:
    """One reporter: a transaction for each failure, as the single call makes it.

    Returns:
        When it had ended, by the clock of the machine.
    """
    from jobs.actors import Actor, Holder
    from jobs.claiming import claim
    from jobs.enqueueing import NewJob, enqueue
    from jobs.outcomes import Report

    use(database)
    holder = Holder.of(name)
    enqueue([NewJob(type="benchmark") for _ in range(jobs)], by=Actor.producer("benchmark"))
    held = claim(by=holder, batch_size=jobs).jobs
    _gate.wait(_READY_WITHIN_SECONDS)
    for number, job in enumerate(held):
        job.fail(Report(error=WAYS[way](name, number)), by=holder)
    return time.perf_counter()


if __name__ == "__main__":
    main()
