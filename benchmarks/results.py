"""From measurements to the table: each row's figure in each round, their median with quartiles, and whether it reaches its mark."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.figures import quartiles, table
from benchmarks.measurements import Measurement, Row, Unmeasured

HEAD = ("measured", "reached", "to reach", "")


@dataclass
class Results:
    """What has been measured so far.

    Attributes:
        rounds: of each round, the value of each cell.
        unmeasured: what could not be, and why; each once.
    """

    rounds: list[dict[str, float]] = field(default_factory=list)
    unmeasured: list[Unmeasured] = field(default_factory=list)

    def begin_round(self) -> None:
        self.rounds.append({})

    def add(self, told: Measurement | Unmeasured) -> None:
        """Takes in a figure of the round that was begun last.

        Raises:
            ValueError: the cell has been measured in this round.
        """
        if isinstance(told, Unmeasured):
            if told not in self.unmeasured:
                self.unmeasured.append(told)
            return
        if told.cell in self.rounds[-1]:
            raise ValueError(f"{told.cell} is measured twice in a round")
        self.rounds[-1][told.cell] = told.value

    def values_of(self, row: Row) -> list[float]:
        """The row's figure in each round that has all it is made of."""
        return [value for figures in self.rounds if (value := _value(row, figures)) is not None]


def report(rows: Sequence[Row], results: Results) -> str:
    """The table in Markdown; below it, what could not be measured."""
    lines = [table(HEAD, [_line(row, results.values_of(row)) for row in rows])]
    if results.unmeasured:
        lines += ["", "Could not be measured:", "", *(f"- {each.what}: {each.why}" for each in results.unmeasured)]
    return "\n".join(lines)


def reached(row: Row, values: Iterable[float]) -> bool | None:
    """Whether the median reaches the mark; None where there is no mark, or no value."""
    taken = [*values]
    if not taken or (row.at_least is None and row.at_most is None):
        return None
    middle = quartiles(taken)[1]
    return (row.at_least is None or middle >= row.at_least) and (row.at_most is None or middle <= row.at_most)


def _value(row: Row, figures: Mapping[str, float]) -> float | None:
    if row.of not in figures or (row.by is not None and not figures.get(row.by)):
        return None
    return figures[row.of] / (figures[row.by] if row.by is not None else 1)


def _line(row: Row, values: Sequence[float]) -> Sequence[str]:
    return (row.what, _spread(values, row.unit) if values else "", _mark(row), _verdict(row, values))


def _spread(values: Sequence[float], unit: str) -> str:
    low, middle, high = map(_written, quartiles(values))
    return f"{middle} ({low}…{high}) {unit}".rstrip() if len(values) > 1 else f"{middle} {unit}".rstrip()


def _mark(row: Row) -> str:
    marks = [f"{sign} {_written(mark)}" for sign, mark in (("≥", row.at_least), ("≤", row.at_most)) if mark is not None]
    return f"{', '.join(marks)} {row.unit}".strip() if marks else ""


def _verdict(row: Row, values: Sequence[float]) -> str:
    if not values:
        return "not measured"
    holds = reached(row, values)
    if holds is None:
        return ""
    return "yes" if holds else f"**no**, at {_share(row, quartiles(values)[1]):.0%} of it"


def _share(row: Row, middle: float) -> float:
    """How much of its mark is reached: 80 % where a ratio is four fifths of it, or a time a quarter longer."""
    return middle / row.at_least if row.at_least is not None else (row.at_most or 0) / middle


def _written(value: float) -> str:
    """In about three digits, whatever the size."""
    return next(f"{value:,.{places}f}" for places, below in _PLACES if abs(value) < below)


_PLACES = ((3, 0.095), (2, 9.995), (1, 99.95), (0, float("inf")))
