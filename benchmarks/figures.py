"""Measuring on a machine that others use, too: time on a core rather than by the clock, and ratios within a round rather than figures."""

import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import connection


@dataclass
class Cost:
    """What some work cost.

    Attributes:
        cpu: seconds that the server process of our connection ran on a core, which neighbours move little.
        wall: seconds by the clock, waits for the disk and our own Python included.
    """

    cpu: float = 0.0
    wall: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.cpu + other.cpu, self.wall + other.wall)


@contextmanager
def measured() -> Iterator[Cost]:
    """What the block costs; its Cost is filled in when the block has ended."""
    connection.ensure_connection()
    # Linux, Documentation/scheduler/sched-stats.rst: the first field is the time on a core in nanoseconds.
    clock = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    with stopwatch() as cost:
        cpu = _nanoseconds(clock)
        yield cost
        cost.cpu = (_nanoseconds(clock) - cpu) / 1e9


@contextmanager
def stopwatch() -> Iterator[Cost]:
    """What the block takes by the clock alone, for work that uses more than one connection."""
    cost = Cost()
    began = time.perf_counter()
    yield cost
    cost.wall = time.perf_counter() - began


def rounds(word: str) -> int:
    """A number of rounds, as an option says it: quartiles need two."""
    if int(word) < 2:
        raise ValueError(word)
    return int(word)


def ratio(values: Iterable[float], base: Iterable[float]) -> str:
    """The median of the ratios of each round, with its quartiles."""
    low, middle, high = quartiles([value / other for value, other in zip(values, base, strict=True)])
    return f"{middle:.2f} ({low:.2f}…{high:.2f})"


def microseconds(values: Sequence[float]) -> str:
    """The median, with its quartiles."""
    low, middle, high = quartiles([value * 1e6 for value in values])
    return f"{middle:.0f} ({low:.0f}…{high:.0f})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The lower quartile, the median and the upper one; of a single value, three times that."""
    # (quantiles of one value are an error until Python 3.13)
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [*values, *values, *values]
    return low, middle, high


def percentile(values: Sequence[float], share: int) -> float:
    """The value that `share` per cent of them don't pass; of at least two."""
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


def _nanoseconds(clock: Path) -> int:
    return int(clock.read_text().split()[0])
