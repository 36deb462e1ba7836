"""Whether claims slow down within a minute of churn: one enqueues, two claim and complete, the backlog stays as it is."""

import mmap
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Cost, measured, percentile
from benchmarks.measurements import Measurement, Options, Row, Unmeasured
from benchmarks.scratch import execute
from benchmarks.site import Site
from benchmarks.together import all_at_once, begin

NEEDS = ()
BULK, BATCH, WORKERS = 1_000, 100, 2
FIRST, LAST = "claim p99 in the first 15 of 60 s of churn", "claim p99 in the last 15 of 60 s of churn"
WRITTEN = "transitions written in 60 s of churn"
ROWS = [Row(f"{LAST} ÷ in the first", LAST, FIRST, at_most=1.5), Row(LAST, LAST, unit="ms"), Row(WRITTEN, WRITTEN, unit="transitions")]


def measure(site: Site, options: Options) -> Iterator[Measurement | Unmeasured]:
    seconds, backlog = options.size(60, quick=2), options.size(50_000, quick=5_000)
    with site.fresh_database(), tempfile.TemporaryDirectory() as folder:
        site.enqueue(backlog)
        (before,) = execute("select count(*) from audit_log")[0]
        # How many jobs each worker has completed, so that as many can be made.
        tally = Path(folder, "tally")
        tally.write_bytes(bytes(8 * WORKERS))
        *worked, _ = all_at_once(part, [(number, seconds, str(tally)) for number in range(WORKERS + 1)])
        (after,) = execute("select count(*) from audit_log")[0]
    claims = [claim for claims in worked for claim in claims]
    for cell, costs in (
        (FIRST, [cost for at, cost in claims if at < seconds / 4]),
        (LAST, [cost for at, cost in claims if at >= seconds * 3 / 4]),
    ):
        walls, cpus = [1000 * cost.wall for cost in costs], [1000 * cost.cpu for cost in costs]
        # (On a core, of the server process: what neighbours move little.)
        details = {"p50": percentile(walls, 50), "cpu_ms_p50": percentile(cpus, 50), "cpu_ms_p99": percentile(cpus, 99), "seconds": seconds}
        yield Measurement(cell, percentile(walls, 99), "ms", len(costs), details)
    yield Measurement(WRITTEN, int(str(after)) - int(str(before)), "transitions", len(claims) * BATCH)


def part(number: int, seconds: int, tally: str) -> list[tuple[float, Cost]]:
    """What one process does: a worker, or the last of them, who enqueues.

    Returns:
        Of each claim of a whole batch: how many seconds after the begin, and what it cost.
    """
    import django

    django.setup()
    with Path(tally).open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory, memoryview(memory).cast("q") as completed:
        if number < WORKERS:
            return _claim_and_complete(number, seconds, completed)
        _keep_filled(seconds, completed)
        return []


def _claim_and_complete(number: int, seconds: int, completed: "memoryview[int]") -> list[tuple[float, Cost]]:
    from jobs.actors import Holder
    from jobs.claiming import claim
    from jobs.outcomes import Report, judge
    from jobs.transitions import Step, apply

    holder, outcome = Holder.of(f"worker-{number}"), judge(Report(exit_code=0, output="128 rows imported"))

    def one_batch() -> Cost | None:
        with measured() as cost:
            held = claim(by=holder, batch_size=BATCH).jobs
        ended = apply([Step.ending(outcome, job_id=job.id, epoch=job.epoch) for job in held], by=holder)
        if any(ruling.is_refused for ruling in ended):
            raise RuntimeError("a report was refused")
        completed[number] += len(held)
        return cost if len(held) == BATCH else None

    # Not counted: the first batches prepare the statements.
    for _ in range(3):
        one_batch()
    claims: list[tuple[float, Cost]] = []
    began = begin().at
    while (at := time.monotonic() - began) < seconds:
        if cost := one_batch():
            claims.append((at, cost))
    return claims


def _keep_filled(seconds: int, completed: "memoryview[int]") -> None:
    from jobs.actors import Actor
    from jobs.enqueueing import NewJob, enqueue

    made, began = 0, begin().at
    while time.monotonic() - began < seconds:
        if made >= sum(completed):
            time.sleep(0.002)
            continue
        enqueue([NewJob(type="benchmark", payload={"rows": row}) for row in range(BULK)], by=Actor.producer("benchmark"))
        made += BULK
