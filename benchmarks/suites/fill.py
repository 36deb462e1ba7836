"""How full batches come back when four claim from the same 20 types at once."""

from collections.abc import Iterator

from benchmarks import seeding
from benchmarks.measurements import Measurement, Options, Row, Unmeasured
from benchmarks.site import Site
from benchmarks.together import all_at_once, begin

NEEDS = ()
CLAIMERS, BATCH, TYPES, ASKED = 4, 100, 200, 20
FILL = f"fill of a batch of {BATCH} from {ASKED} of {TYPES} types, {CLAIMERS} claimers at once"
ROWS = [Row(FILL, FILL, at_least=0.9)]


def measure(site: Site, options: Options) -> Iterator[Measurement | Unmeasured]:
    # Half of what there is of the types asked for: nobody comes back short because there is no more.
    queued = options.size(200_000, quick=40_000)
    claims = queued * ASKED // TYPES // 2 // CLAIMERS // BATCH
    with site.fresh_database():
        seeding.fill(queued=queued, finished=0, among=TYPES)
        batches = [size for sizes in all_at_once(sizes_of_claims, [(number, claims) for number in range(CLAIMERS)]) for size in sizes]
    yield Measurement(FILL, sum(batches) / len(batches) / BATCH, "share", len(batches), {"least": min(batches)})


def sizes_of_claims(number: int, claims: int) -> list[int]:
    """How many jobs each of some claims brings: the work of one claimer, in a process of its own."""
    import django

    django.setup()
    from jobs.actors import Holder
    from jobs.claiming import claim

    holder, types = Holder.of(f"claimer-{number}"), seeding.types(TYPES)[:: TYPES // ASKED]
    claim(by=holder, batch_size=BATCH, job_types=types)
    begin()
    return [len(claim(by=holder, batch_size=BATCH, job_types=types).jobs) for _ in range(claims)]
