"""What the lives of jobs cost in databases that differ in one thing each."""

import argparse
import random
from collections.abc import Callable, Mapping

from benchmarks.figures import Cost, measured, microseconds, ratio, rounds, table
from benchmarks.scratch import scratch_databases, use

BATCH = 100
Change = Callable[[], object]


def compare(variants: Mapping[str, Change], *, parser: argparse.ArgumentParser) -> None:
    """Prints a table: what each variant costs, as a ratio to the first one.

    Args:
        variants: name, and what is changed in its database beforehand.
        parser: of the command line, to which how much is measured is added.
    """
    parser.add_argument("--rounds", type=rounds, default=20, help="how often each variant has its turn (default: 20)")
    parser.add_argument("--jobs", type=int, default=1000, help="lives in each turn, in batches of 100 (default: 1000)")
    options = parser.parse_args()
    names = {variant: f"variant_{number}" for number, variant in enumerate(variants)}
    claims: dict[str, list[Cost]] = {variant: [] for variant in variants}
    lives: dict[str, list[Cost]] = {variant: [] for variant in variants}
    with scratch_databases([*names.values()]):
        for variant, change in variants.items():
            use(names[variant])
            change()
        for _ in range(options.rounds):
            # In another order each time: what a neighbour does for a minute hits all alike.
            for variant in random.sample([*variants], len(variants)):
                use(names[variant])
                live(BATCH)
                claim, life = live(options.jobs)
                claims[variant].append(claim)
                lives[variant].append(life)
    print(report(claims, lives, jobs=options.jobs))  # noqa: T201  this is the program's output


def live(jobs: int) -> tuple[Cost, Cost]:
    """Lets jobs live from the queue to their completion, in batches of 100, through the same functions as the API.

    Returns:
        What claiming them cost, and the whole of claim, start and complete. Making them is not counted.
    """
    from jobs.actors import Actor, Holder
    from jobs.claiming import claim
    from jobs.enqueueing import NewJob, enqueue
    from jobs.outcomes import Report, judge
    from jobs.transitions import Step, apply

    holder = Holder.of("benchmark")
    enqueue([NewJob(type="benchmark", payload={"rows": number}) for number in range(jobs)], by=Actor.producer("benchmark"))
    outcome = judge(Report(exit_code=0, output="128 rows imported"))
    claiming, rest = Cost(), Cost()
    for _ in range(jobs // BATCH):
        with measured() as cost:
            held = claim(by=holder, batch_size=BATCH).jobs
        claiming += cost
        if len(held) != BATCH:
            raise RuntimeError(f"{len(held)} jobs claimed of {BATCH}")
        with measured() as cost:
            begun = apply([Step(job_id=job.id, action="start", epoch=job.epoch) for job in held], by=holder)
            ended = apply([Step.ending(outcome, job_id=job.id, epoch=job.epoch) for job in held], by=holder)
        rest += cost
        if any(ruling.is_refused for ruling in begun + ended):
            raise RuntimeError("a report was refused")
    return claiming, claiming + rest


def report(claims: dict[str, list[Cost]], lives: dict[str, list[Cost]], *, jobs: int) -> str:
    """The table: each variant's costs as ratios to those of the first in the same round, medians with quartiles."""
    first = next(iter(claims))

    def to_first(costs: dict[str, list[Cost]], variant: str, part: str) -> str:
        return ratio([getattr(cost, part) for cost in costs[variant]], [getattr(cost, part) for cost in costs[first]])

    rows = [
        [
            variant,
            to_first(claims, variant, "cpu"),
            to_first(lives, variant, "cpu"),
            to_first(lives, variant, "wall"),
            microseconds([cost.cpu / jobs for cost in lives[variant]]),
        ]
        for variant in claims
    ]
    return table(["", "claim, CPU", "claim + start + complete, CPU", "by the clock", "CPU µs a job"], rows)
