"""What a suite gives: measurements, what it could not measure, and the rows that are made of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Measurement:
    """One figure, of one round.

    Attributes:
        cell: what was measured; the same in each round, and no other suite's.
        unit: `jobs/s`, `ms`, `share` or whatever the value counts.
        count: how many jobs, requests or samples it is made of.
        details: whatever else is worth keeping beside it; becomes part of its JSON line.
    """

    cell: str
    value: float
    unit: str
    count: int
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Unmeasured:
    """What could not be measured here, and why: for people."""

    what: str
    why: str


@dataclass(frozen=True)
class Row:
    """A line of the table: a figure, or a ratio of two that were measured in the same round, and the mark that it has to reach.

    Attributes:
        what: for people.
        of: a cell.
        by: the cell that it is divided by; None tells the figure itself.
        at_least: the mark, where more is better; of the two a row has one, or none and is told for orientation.
        at_most: the mark, where less is better.
        unit: of the figure and its mark; a ratio has none.
    """

    what: str
    of: str
    by: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""


@dataclass(frozen=True)
class Options:
    """How a run was asked for.

    Attributes:
        quick: to the end, on tiny sizes: whether it works, not how fast.
        depth: how long a long queue is; None for what is usual.
    """

    quick: bool = False
    depth: int | None = None

    def size(self, usual: int, *, quick: int) -> int:
        """How many jobs, samples or seconds."""
        return quick if self.quick else usual
