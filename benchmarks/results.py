"""From measurements to the table: each row's figure in each round, their median with quartiles, and whether it reaches its mark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.figures import quartiles, table
from benchmarks.measurements import Measurement, Row, Unmeasured

MARKED, PLAIN = ("measured", "reached", "to reach", ""), ("for orientation", "measured")


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
    """In Markdown: the rows with a mark, the others, and what could not be measured."""
    marked = [row for row in rows if _mark(row)]
    others = [row for row in rows if not _mark(row)]
    parts = [
        table(MARKED, [_marked(row, results.values_of(row)) for row in marked]) if marked else "",
        table(PLAIN, [(row.what, _spread(results.values_of(row), row.unit)) for row in others]) if others else "",
        "\n".join(["Could not be measured:", "", *(f"- {each.what}: {each.why}" for each in results.unmeasured)])
        if results.unmeasured
        else "",
    ]
    return "\n\n".join(filter(None, parts))


def share_of_mark(row: Row, values: Sequence[float]) -> float:
    """How much of its mark the median of a row reaches: 1 or more where it holds; less where a ratio is too small, or a time too long."""
    middle = quartiles(values)[1]
    return middle / row.at_least if row.at_least is not None else (row.at_most or 0) / middle


def _value(row: Row, figures: Mapping[str, float]) -> float | None:
    if row.of not in figures or (row.by is not None and not figures.get(row.by)):
        return None
    return figures[row.of] / (figures[row.by] if row.by is not None else 1)


def _marked(row: Row, values: Sequence[float]) -> Sequence[str]:
    return (row.what, _spread(values, row.unit), _mark(row), _verdict(row, values))


def _spread(values: Sequence[float], unit: str) -> str:
    if not values:
        return "not measured"
    low, middle, high = map(_written, quartiles(values))
    return f"{middle} ({low}…{high}) {unit}".rstrip() if len(values) > 1 else f"{middle} {unit}".rstrip()


def _mark(row: Row) -> str:
    sign, mark = ("≥", row.at_least) if row.at_least is not None else ("≤", row.at_most)
    return f"{sign} {mark:g} {row.unit}".rstrip() if mark is not None else ""


def _verdict(row: Row, values: Sequence[float]) -> str:
    if not values:
        return ""
    share = share_of_mark(row, values)
    # Rounded down: what does not hold is at 99 % of its mark at most.
    return "yes" if share >= 1 else f"**no**, at {int(100 * share)} % of it"


def _written(value: float) -> str:
    """In about three digits, whatever the size."""
    places = next((places for places, below in ((3, 0.0995), (2, 9.995), (1, 99.95)) if abs(value) < below), 0)
    return f"{value:,.{places}f}"
