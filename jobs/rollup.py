"""Figures by type, folded from the audit log: how long jobs are in each state, and how many go where.

Pages and monitors read these instead of the log. They come from the log alone, each entry counts once, and what was counted stays: since
ever (these only grow, as a monitor wants its counters), by the hour, and by the minute for two days.

Lengths are kept as counts in buckets, eight to each doubling: bucket b holds those from 2^(b/8) microseconds to 2^((b+1)/8). A percentile
is told as the geometric middle of the bucket that holds it, so it is off by a factor of 2^(1/16) at most: 4.5 %, whatever the lengths are.
Counts and sums are exact.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, groupby
from operator import itemgetter

from jobs import folding, statements, times
from jobs.models import Span

FOLD = "rollup"
MINUTES_KEPT = timedelta(days=2)
BUCKETS_TO_A_DOUBLING = 8
# A longer period is read by its hours: of many types, its minutes would be a million rows.
_LONGEST_BY_MINUTES = timedelta(days=1)
_MOST_FORGOTTEN = 5000


@dataclass(frozen=True)
class Period:
    """From `since` to before `until`, both of them at a full minute or hour, whichever it is told by."""

    span: Span
    since: datetime
    until: datetime

    @classmethod
    def around(cls, since: datetime, until: datetime, *, now: datetime) -> "Period":
        """The period with the minutes, or where it is long or long ago the hours, that its ends lie in."""
        by_minutes = since >= now - MINUTES_KEPT and until - since <= _LONGEST_BY_MINUTES
        first, last = (moment.replace(second=0, microsecond=0) for moment in (since, until))
        if by_minutes:
            return cls(Span.MINUTE, first, last + timedelta(minutes=1))
        return cls(Span.HOUR, first.replace(minute=0), last.replace(minute=0) + timedelta(hours=1))


# Since the log began.
EVER = Period(Span.EVER, datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC))


@dataclass(frozen=True)
class Names:
    """Types whose names are not before the first and not behind the last, by their code points."""

    first: str
    last: str


ANY = Names("", "\U0010ffff")


@dataclass(frozen=True)
class Spread:
    """How long jobs of a type were in a state, of those that left it in a period.

    Attributes:
        state: a status, `scheduled` or `retry_wait` (jobs/timing.py).
        stretches: how many there were.
        microseconds: all together.
        buckets: bucket → how many, ascending.
    """

    type: str
    state: str
    stretches: int
    microseconds: int
    buckets: dict[int, int]

    @classmethod
    def of(cls, job_type: str, state: str, rows: Sequence[statements.Row]) -> "Spread":
        """What rows of buckets come to, each with its `bucket`, `stretches` and `microseconds`."""
        return cls(
            type=job_type,
            state=state,
            stretches=sum(row["stretches"] for row in rows),
            microseconds=int(sum(row["microseconds"] for row in rows)),
            buckets={row["bucket"]: row["stretches"] for row in rows},
        )

    def percentile(self, share: float) -> float:
        """The seconds that this share of the stretches did not exceed, within 4.5 %.

        Args:
            share: above 0, to 1: 0.95 for p95. By nearest rank: of n stretches the one at place ceil(share * n).
        """
        if not 0 < share <= 1:
            raise ValueError(f"a share is above 0 and at most 1, not {share}")
        # (0.07 * 100 is a little more than 7.)
        rank = math.ceil(share * self.stretches - 1e-9)
        passed = accumulate(self.buckets.values())
        bucket = next(bucket for bucket, so_far in zip(self.buckets, passed, strict=True) if so_far >= rank)
        return float(2 ** ((bucket + 0.5) / BUCKETS_TO_A_DOUBLING)) / 1e6


@dataclass(frozen=True)
class Moved:
    """How many jobs of a type went from one status to another.

    Attributes:
        begins_at: of the step of the period; None for all of it.
        from_status: None for new ones.
        category: of failures; None for everything else.
    """

    begins_at: datetime | None
    type: str
    from_status: str | None
    to_status: str
    category: str | None
    jobs: int


def fold() -> bool:
    """Takes in what is new in the log; the first time from its beginning.

    Returns:
        Whether there may be more at once.
    """
    return folding.fold(FOLD, "rollup")


def forget_minutes() -> bool:
    """Removes figures of minutes that are old: those of their hours stay.

    Returns:
        Whether there may be more at once.
    """
    (row,) = statements.run("forget_minutes", before=times.now() - MINUTES_KEPT, most=_MOST_FORGOTTEN)
    return bool(row["forgotten"] == _MOST_FORGOTTEN)


def types(period: Period = EVER, *, after: str = "", most: int) -> list[str]:
    """The names of the types that there are figures of in the period, in order.

    Args:
        after: only of names behind this one.
        most: names, from the first.
    """
    return [row["type"] for row in statements.run("moments", "figure_types", **_within(period), after=after, most=most)]


def spreads(period: Period = EVER, *, among: Names = ANY) -> list[Spread]:
    """How long jobs were in each state, of those that left it in the period, by type and state.

    Args:
        among: only of these types.
    """
    rows = statements.run("moments", "time_spent", **_within(period), **asdict(among))
    return [Spread.of(named, state, list(same)) for (named, state), same in groupby(rows, itemgetter("type", "state"))]


def moves(period: Period = EVER, *, step: timedelta | None = None, among: Names = ANY) -> list[Moved]:
    """How many jobs went where in the period.

    Args:
        step: length of the steps that it is told in, whole minutes or hours as the period is, counted from 1970. None: all together.
        among: only of these types.
    """
    seconds = None if step is None else int(step.total_seconds())
    rows = statements.run("moments", "transition_counts", **_within(period), **asdict(among), step=seconds)
    return [
        Moved(
            begins_at=row["begins_at"],
            type=row["type"],
            from_status=row["from_status"] or None,
            to_status=row["to_status"],
            category=row["category"] or None,
            jobs=row["jobs"],
        )
        for row in rows
        # (Pruned ones went nowhere. To leave them out in SQL costs the plan.)
        if row["to_status"]
    ]


def job_counts() -> dict[str, dict[str, int]]:
    """How many jobs there are by type and status, as far as the log is folded: at rest, what counting them would say."""
    counts: dict[str, dict[str, int]] = {}
    for row in statements.run("job_counts"):
        counts.setdefault(row["type"], {})[row["status"]] = row["jobs"]
    return counts


def lag_seconds() -> float:
    """How old the oldest entry is that is not in the figures yet; 0 when there is none."""
    rows = statements.run("fold_lag", fold=FOLD)
    return max(0.0, rows[0]["seconds"]) if rows else 0.0


def _within(period: Period) -> dict[str, object]:
    return {"span": int(period.span), "since": period.since, "until": period.until}
