"""Jobs a second through their whole life over HTTP, and through the same statements by raw psycopg."""

from collections.abc import Iterator

from benchmarks.measurements import Measurement, Options, Row, Unmeasured
from benchmarks.site import Site

NEEDS = ()
ROWS: list[Row] = []


def measure(site: Site, options: Options) -> Iterator[Measurement | Unmeasured]:
    yield from ()
