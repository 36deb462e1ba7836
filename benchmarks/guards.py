"""`python -m benchmarks.guards`: what each guard of the database costs, on the claim and on the whole life of a job."""

import argparse
import random
from collections.abc import Callable

from benchmarks.figures import Cost, measured, microseconds, ratio, rounds, table
from benchmarks.scratch import execute, scratch_databases, use

ALL = "all guards on"
BATCH = 100


def _drop_checks() -> None:
    for (name,) in execute("select conname from pg_constraint where conrelid = 'jobs'::regclass and contype = 'c'"):
        execute(f'alter table jobs drop constraint "{name}"')


def _drop_append_only() -> None:
    execute("drop trigger append_only on audit_log")
    execute("drop trigger never_truncated on audit_log")


_TAKEN_OUT: dict[str, Callable[[], object]] = {
    "CHECKs": _drop_checks,
    "transition_guard": lambda: execute("drop trigger transition_guard on jobs"),
    "counters_guard": lambda: execute("drop trigger counters_guard on jobs"),
    "story_guard": lambda: execute("drop trigger story_guard on jobs"),
    "audited": lambda: execute("drop trigger audited on jobs"),
    "append_only": _drop_append_only,
}


def _drop_all() -> None:
    for drop in _TAKEN_OUT.values():
        drop()


# A guard that we do not have: docs/decisions/0007-no-foreign-key-from-the-audit-log.md
_FOREIGN_KEY = "alter table audit_log add foreign key (job_id) references jobs (id) deferrable initially deferred"
VARIANTS: dict[str, Callable[[], object]] = {
    ALL: lambda: None,
    **{f"without {name}": drop for name, drop in _TAKEN_OUT.items()},
    "without any": _drop_all,
    "all, and a foreign key audit_log → jobs": lambda: execute(_FOREIGN_KEY),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guards", description=__doc__)
    parser.add_argument("--rounds", type=rounds, default=20, help="how often each variant has its turn (default: 20)")
    parser.add_argument("--jobs", type=int, default=1000, help="lives in each turn, in batches of 100 (default: 1000)")
    options = parser.parse_args()
    names = {variant: f"variant_{number}" for number, variant in enumerate(VARIANTS)}
    claims: dict[str, list[Cost]] = {variant: [] for variant in VARIANTS}
    lives: dict[str, list[Cost]] = {variant: [] for variant in VARIANTS}
    with scratch_databases([*names.values()]):
        for variant, change in VARIANTS.items():
            use(names[variant])
            change()
        for _ in range(options.rounds):
            # In another order each time: what a neighbour does for a minute hits all alike.
            for variant in random.sample([*VARIANTS], len(VARIANTS)):
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
    """The table: each variant's costs as ratios to those with all guards on in the same round, medians with quartiles."""

    def against_all(costs: dict[str, list[Cost]], variant: str, part: str) -> str:
        return ratio([getattr(cost, part) for cost in costs[variant]], [getattr(cost, part) for cost in costs[ALL]])

    rows = [
        [
            variant,
            against_all(claims, variant, "cpu"),
            against_all(lives, variant, "cpu"),
            against_all(lives, variant, "wall"),
            microseconds([cost.cpu / jobs for cost in lives[variant]]),
        ]
        for variant in VARIANTS
    ]
    return table(["", "claim, CPU", "claim + start + complete, CPU", "by the clock", "CPU µs a job"], rows)


if __name__ == "__main__":
    main()
