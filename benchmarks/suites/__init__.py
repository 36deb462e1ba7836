"""The suites of `bin/bench`: one module each, named as on the command line.

The first line of a suite's docstring is its line in `bin/bench --help`. It has

    ROWS: Sequence[Row]
        its lines of the table, in order. A row may name cells of other suites, which NEEDS then names.
    NEEDS: Sequence[str]
        the suites whose figures of the same round its rows are divided by; usually ().

    def measure(site: Site, options: Options) -> Iterator[Measurement | Unmeasured]:
        one round: each of its cells once. Called as often as there are rounds, with other suites' rounds between, so that a busy
        neighbour hits all alike; what is compared is the ratio within a round. Cells that are compared take turns in a random order
        (`random.sample`). Yield each figure as soon as it is there.

What a suite can't measure here (no network, no memory) it yields as Unmeasured. An exception is a fault: it ends the suite's round and
makes the run's exit code 1. With `options.quick` a suite runs its whole way, in a few seconds. See site.py for databases and servers.
Django is set up when `measure` is called, but not when the module is imported: what needs its settings is imported inside.
"""

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Protocol

from benchmarks.measurements import Measurement, Options, Row, Unmeasured
from benchmarks.site import Site

# In the order in which they are told.
NAMES = (
    "throughput",
    "peers",
    "visibility",
    "latency",
    "enqueue",
    "wake_up",
    "depth",
    "fill",
    "churn",
    "pages",
)
# Those that install and run other queues.
PEERS = frozenset({"peers"})


class Suite(Protocol):
    __name__: str
    __doc__: str | None
    ROWS: Sequence[Row]
    NEEDS: Sequence[str]

    def measure(self, site: Site, options: Options) -> Iterator[Measurement | Unmeasured]: ...


def suite(name: str) -> Suite:
    """The suite of a name."""
    module: Suite = import_module(f"benchmarks.suites.{name}")
    return module


def first_line(name: str) -> str:
    """What a suite measures, in a line."""
    return (suite(name).__doc__ or "").partition("\n")[0]


def with_needs(names: Sequence[str]) -> list[str]:
    """Those suites and the ones that they need, each once, in the order in which they are told."""
    wanted = {needed for name in names for needed in (name, *suite(name).NEEDS)}
    return [name for name in NAMES if name in wanted]
