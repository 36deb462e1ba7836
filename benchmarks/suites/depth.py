"""How a claim of ten grows with the queue: all types, 20 of 200, one rare one, and the first two with labels."""

import random
from collections.abc import Iterator, Sequence
from functools import partial

from django.db import transaction

from benchmarks import seeding
from benchmarks.figures import Cost, measured, percentile
from benchmarks.measurements import Measurement, Options, Row, Unmeasured
from benchmarks.scratch import execute
from benchmarks.site import Site

NEEDS = ()
TYPES, SMALL, BATCH = 200, 10_000, 10
_SOME = seeding.types(TYPES)[::10]
# The types that are asked for, and the labels that the claimer has.
FILTERS: dict[str, tuple[Sequence[str] | None, Sequence[str]]] = {
    "no filter": (None, ()),
    f"20 of {TYPES} types": (_SOME, ()),
    "one rare type": ([seeding.RARE], ()),
    "no filter, with labels": (None, seeding.LABELS),
    f"20 of {TYPES} types, with labels": (_SOME, seeding.LABELS),
}
DEEP, SHALLOW = "5 M queued + 5 M finished", f"{SMALL:,}"
# Claims of one turn, and how many more go before, for the connection of the turn is new.
_TURN, _WARM_UP = 50, 10


def claimed(filter_: str, database: str, share: str) -> str:
    """The cell of a claim."""
    return f"claim of {BATCH}, {filter_}, {share} at {database}"


ROWS = [
    *(
        Row(
            f"{claimed(filter_, DEEP, share)} ÷ at {SHALLOW}",
            claimed(filter_, DEEP, share),
            claimed(filter_, SHALLOW, share),
            at_most=2.5 if share == "p50" else None,
        )
        for share in ("p50", "p99")
        for filter_ in FILTERS
    ),
    *(Row(claimed(filter_, DEEP, "p99"), claimed(filter_, DEEP, "p99"), at_most=10, unit="ms") for filter_ in FILTERS),
]


def measure(site: Site, options: Options) -> Iterator[Measurement | Unmeasured]:
    claims = options.size(500, quick=20)
    depths = {DEEP: options.depth or options.size(5_000_000, quick=20_000), SHALLOW: options.size(SMALL, quick=2_000)}
    costs: dict[tuple[str, str], list[Cost]] = {(filter_, name): [] for filter_ in FILTERS for name in depths}
    for turn in range(0, claims, _TURN):
        for name in random.sample([*depths], len(depths)):
            depth = depths[name]
            fill = partial(seeding.fill, queued=depth, finished=depth, among=TYPES, labels=seeding.LABELS)
            with site.kept_database(f"claims of {depth}", fill):
                if not turn:
                    # What the claims of the last round, all of them rolled back, have left behind.
                    execute("vacuum jobs")
                for filter_ in random.sample([*FILTERS], len(FILTERS)):
                    costs[filter_, name] += _claims(*FILTERS[filter_], count=min(_TURN, claims))
    for (filter_, name), each in costs.items():
        for share in (50, 99):
            # (On a core, of the server process: what neighbours move little.)
            details = {"jobs": 2 * depths[name], "cpu_ms": percentile([1000 * cost.cpu for cost in each], share)}
            value = percentile([1000 * cost.wall for cost in each], share)
            yield Measurement(claimed(filter_, name, f"p{share}"), value, "ms", len(each), details)


def _claims(types: Sequence[str] | None, labels: Sequence[str], *, count: int) -> list[Cost]:
    """What so many claims cost, each rolled back."""
    return [_claim(types, labels) for _ in range(_WARM_UP + count)][_WARM_UP:]


def _claim(types: Sequence[str] | None, labels: Sequence[str]) -> Cost:
    from jobs.actors import Holder
    from jobs.claiming import claim

    with transaction.atomic():
        with measured() as cost:
            got = claim(by=Holder.of("benchmark"), batch_size=BATCH, job_types=types, labels=labels).jobs
        transaction.set_rollback(True)
    if len(got) != BATCH:
        raise RuntimeError(f"{len(got)} jobs of {BATCH} came")
    return cost
