"""The geometry of charts: percent of the width in x, pixels from the top in y, so that bars stretch and text does not."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Between two bars, as a part of what each has.
_GAP = 0.25
# A value above zero is never drawn lower than this.
_LEAST_BAR = 1.5
# Between two layers of a stack.
_SEAM = 1.0
# Steps of an axis, of its power of ten.
_STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Bar:
    """
    Attributes:
        x, width: percent.
        y, height: pixels.
    """

    x: float
    width: float
    y: float
    height: float


@dataclass(frozen=True)
class Axis:
    """
    Attributes:
        top: what the upper edge stands for; above 0.
        ticks: round values from 0 to the top.
    """

    top: float
    ticks: tuple[float, ...]


def line(values: Sequence[float], *, height: float, margin: float = 2.0) -> list[tuple[float, float]]:
    """The points of a curve above zero, from 0 to 100 in x; of a single value a level line, of none nothing.

    Args:
        height: pixels.
        margin: pixels that stay free above and below, so that the stroke is not cut.
    """
    if not values:
        return []
    known = [*values, *values] if len(values) == 1 else values
    top, inner = max(*known, 0) or 1, height - 2 * margin
    return [(100 * place / (len(known) - 1), height - margin - inner * max(0, value) / top) for place, value in enumerate(known)]


def bars(values: Sequence[float], *, height: float, least_top: float = 0) -> list[Bar]:
    """A bar a value, at equal distances; those of zero lie one pixel high on the base line.

    Args:
        height: pixels.
        least_top: the scale goes up to this at least, so that few do not look like many.
    """
    top, slot = max([least_top, *values]) or 1, 100 / max(1, len(values))
    heights = [max(_LEAST_BAR, height * value / top) if value > 0 else 1 for value in values]
    return [Bar(place * slot, slot * (1 - _GAP), height - high, high) for place, high in enumerate(heights)]


def stack(column: Sequence[float], *, place: int, of: int, axis: Axis, height: float) -> list[Bar | None]:
    """A column of a stacked chart, its first layer lowest; None for layers of zero.

    Args:
        place, of: the nth column from 0, of so many.
        height: pixels of the whole plot.
    """
    slot, base, layers = 100 / of, height, list[Bar | None]()
    for value in column:
        if value <= 0:
            layers.append(None)
            continue
        high = height * value / axis.top
        drawn = max(_LEAST_BAR, high - _SEAM)
        layers.append(Bar((place + _GAP / 2) * slot, slot * (1 - _GAP), base - drawn, drawn))
        base -= max(high, drawn + _SEAM)
    return layers


def axis(peak: float, *, intervals: int = 4) -> Axis:
    """A scale with round ticks that holds everything from 0 to the peak.

    Args:
        peak: the largest value; 0 when there is none.
        intervals: as many as wanted, at most one more is drawn.
    """
    if peak <= 0:
        return Axis(1, (0, 1))
    wanted = peak / intervals
    power = 10 ** math.floor(math.log10(wanted))
    step = next(step * power for step in _STEPS if step * power >= wanted * (1 - 1e-9))
    # Counts have no halves.
    step = max(1, step)
    count = math.ceil(peak / step - 1e-9)
    return Axis(step * count, tuple(step * number for number in range(count + 1)))


def height_of(value: float, *, axis: Axis, height: float) -> float:
    """Where a value lies, in pixels from the top."""
    return height - height * min(value, axis.top) / axis.top


def part(value: float, whole: float) -> float:
    """Percent of a whole, from 0 to 100; 0 of none."""
    return 100 * min(max(value / whole, 0), 1) if whole > 0 else 0


def on_log_scale(value: float, *, low: float, high: float) -> float:
    """Percent of the way from the low to the high end of a logarithmic scale; what is outside lies at its end.

    Args:
        low, high: above 0.
    """
    return part(math.log(max(value, low) / low), math.log(high / low))


def decades(values: Iterable[float], *, low: float, high: float) -> tuple[float, float]:
    """The ends of a logarithmic scale at powers of ten: around the values, and no narrower than from `low` to `high`."""
    known = [value for value in values if value > 0]
    least, most = min([low, *known]), max([high, *known])
    return 10.0 ** math.floor(math.log10(least) + 1e-9), 10.0 ** math.ceil(math.log10(most) - 1e-9)
