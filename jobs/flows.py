"""How jobs flowed in a period, of all types together: how many went where in its steps, how long they stayed, and what is usual."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from statistics import median

from jobs import statements
from jobs.lifecycle import Status
from jobs.models import Span
from jobs.rollup import Spread

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
# Of fewer earlier periods nobody knows what is usual.
_LEAST_KNOWN = 3


@dataclass(frozen=True)
class Window:
    """A period that ends with the minute or hour under way.

    Attributes:
        words: what it is called, in short.
        said: what it is called after "the last".
        step: how long a column of it is, whole minutes or hours.
        columns: how many there are.
        earlier: so many periods of this length before it tell what is usual.
    """

    words: str
    said: str
    step: timedelta
    columns: int
    earlier: int

    @property
    def length(self) -> timedelta:
        return self.step * self.columns

    @property
    def unit(self) -> timedelta:
        """What its columns are summed of."""
        return _MINUTE if self.step < _HOUR else _HOUR

    def since(self, now: datetime) -> datetime:
        """Where its first column begins."""
        return _floor(now, self.unit) + self.unit - self.length


# By what stands in an address.
WINDOWS = {
    "15m": Window("15 m", "15 minutes", _MINUTE, 15, 24),
    "1h": Window("1 h", "hour", _MINUTE, 60, 24),
    "6h": Window("6 h", "6 hours", timedelta(minutes=6), 60, 8),
    "24h": Window("24 h", "24 hours", _HOUR, 24, 7),
    "7d": Window("7 d", "7 days", timedelta(hours=3), 56, 3),
}


@dataclass(frozen=True)
class Flows:
    """
    Attributes:
        begins: of each column, the first one first.
        into, out_of: by status, how many jobs came and went in each column. (New ones came into queued.)
        made: how many new jobs there were in each column.
        by_type: type → status → how many jobs of it came into it.
    """

    begins: Sequence[datetime]
    into: dict[Status, list[int]]
    out_of: dict[Status, list[int]]
    made: list[int]
    by_type: dict[str, Counter[str]]

    def levels(self, status: Status, now: int) -> list[int]:
        """How many jobs were in a status at the end of each column, reckoned back from how many are in it now."""
        later = 0
        found = []
        for came, went in zip(reversed(self.into[status]), reversed(self.out_of[status]), strict=True):
            found.append(max(0, now - later))
            later += came - went
        return found[::-1]


def flows(window: Window, *, now: datetime) -> Flows:
    """How many jobs went where."""
    since = window.since(now)
    rows = statements.run("flows", **_bounds(window.unit, since, window.length), step=int(window.step.total_seconds()))
    begins = [since + window.step * number for number in range(window.columns)]
    into, out_of = ({status: [0] * window.columns for status in Status} for _ in range(2))
    made = [0] * window.columns
    by_type: dict[str, Counter[str]] = {}
    for row in rows:
        if row["type"] is not None:
            by_type.setdefault(row["type"], Counter())[row["to_status"]] += row["jobs"]
            continue
        column = (row["begins_at"] - since) // window.step
        into[Status(row["to_status"])][column] += row["jobs"]
        if row["from_status"]:
            out_of[Status(row["from_status"])][column] += row["jobs"]
        else:
            made[column] += row["jobs"]
    return Flows(begins, into, out_of, made, by_type)


def lengths(window: Window, *, now: datetime, states: Sequence[str]) -> tuple[datetime, dict[str, Spread]]:
    """How long jobs were in each of the states, of those that left it since a time.

    Returns:
        That time, not after the beginning of the window: of a longer one it is told by hours. And by state what there is.
    """
    unit = _MINUTE if window.length <= _HOUR else _HOUR
    since = _floor(window.since(now), unit)
    rows = statements.run("lengths", **_bounds(unit, since, now + unit - since), states=list(states))
    found = {state: list(same) for state, same in groupby(rows, itemgetter("state"))}
    return since, {state: Spread.of("", state, same) for state, same in found.items()}


@dataclass(frozen=True)
class Failed:
    """
    Attributes:
        in_the_last_hour: runs.
        usually_in_an_hour, usually: in an hour, and in a period as long as the one asked for: the median of those before. None when there
            were too few.
    """

    in_the_last_hour: int
    usually_in_an_hour: float | None
    usually: float | None


def failed(window: Window, *, now: datetime) -> Failed:
    """How many runs failed lately, and how many do."""
    hour = WINDOWS["1h"]
    earliest = min(_floor(now - one.length, _HOUR) - max(one.length, _HOUR) * one.earlier for one in (hour, window))
    rows = statements.run("failed_by_hour", lately=hour.since(now), since=earliest)
    by_hour = {row["begins_at"]: int(row["failed"]) for row in rows if row["begins_at"]}
    began_at = rows[0]["began_at"]
    usually = [_usually(by_hour, one, began_at, now) for one in (hour, window)]
    return Failed(int(rows[0]["lately"]), *usually)


def _usually(by_hour: dict[datetime, int], window: Window, began_at: datetime | None, now: datetime) -> float | None:
    """The median of the windows before this one, of those that there are figures of from their beginning."""
    # Of a part of an hour as much of what an hour has.
    whole, share = max(window.length, _HOUR), min(1.0, window.length / _HOUR)
    end = _floor(now - window.length, _HOUR)
    begins = [end - whole * number for number in range(1, window.earlier + 1)]
    hours = int(whole / _HOUR)
    known = [sum(by_hour.get(begin + _HOUR * number, 0) for number in range(hours)) for begin in begins if began_at and begin >= began_at]
    return median(known) * share if len(known) >= _LEAST_KNOWN else None


def _bounds(unit: timedelta, since: datetime, length: timedelta) -> dict[str, object]:
    return {"span": int(Span.MINUTE if unit == _MINUTE else Span.HOUR), "since": since, "until": since + length}


def _floor(moment: datetime, unit: timedelta) -> datetime:
    floored = moment.replace(second=0, microsecond=0)
    return floored if unit == _MINUTE else floored.replace(minute=0)
