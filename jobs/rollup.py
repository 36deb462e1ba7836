"""Figures by type, folded from the audit log: how long jobs are in each state, and how many go where.

Pages and monitors read these instead of the log. They come from the log alone, each entry counts once, and what was counted stays: by the
minute for two days, then by the hour, and since ever.

Lengths are kept as counts in buckets, eight to each doubling: bucket b holds those from 2^(b/8) microseconds to 2^((b+1)/8). A percentile
is told as the geometric middle of the bucket that holds it, so it is off by a factor of 2^(1/16) at most: 4.5 %, whatever the lengths are.
Counts and sums are exact.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, groupby
from operator import itemgetter

from jobs import folding, statements
from jobs.models import Span

FOLD = "rollup"
MINUTES_KEPT = timedelta(days=2)
_BUCKETS_TO_A_DOUBLING = 8
# Rows that become part of their hours at once.
_MOST_ROLLED = 5000
_EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC))


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
        return float(2 ** ((bucket + 0.5) / _BUCKETS_TO_A_DOUBLING)) / 1e6


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


def roll_up_hours(*, minutes_kept: timedelta = MINUTES_KEPT) -> bool:
    """Makes minutes that are old enough part of their hours. Sums stay as they are at every moment.

    Returns:
        Whether there may be more at once.
    """
    kept_for = int(minutes_kept.total_seconds())
    (row,) = statements.run("roll_up_hours", fold=FOLD, kept_for=kept_for, most=_MOST_ROLLED)
    return bool(row["rolled"] == _MOST_ROLLED)


def spreads(since: datetime, until: datetime, *, job_type: str | None = None) -> list[Spread]:
    """How long jobs were in each state, of those that left it from `since` to before `until`, by type and state.

    Args:
        since: a full minute; beyond MINUTES_KEPT a full hour.
        until: as since.
        job_type: only of this one.
    """
    return list(_spreads([Span.MINUTE, Span.HOUR], since, until, job_type))


def spreads_ever(*, job_type: str | None = None) -> list[Spread]:
    """The same since the log began: these only grow."""
    return list(_spreads([Span.EVER], *_EVER, job_type))


def moves(since: datetime, until: datetime, *, step: timedelta | None = None, job_type: str | None = None) -> list[Moved]:
    """How many jobs went where from `since` to before `until`.

    Args:
        since: a full minute; beyond MINUTES_KEPT a full hour.
        until: as since.
        step: length of the steps that the period is told in, whole minutes, counted from 1970; beyond MINUTES_KEPT whole hours.
            None: all together.
        job_type: only of this one.
    """
    return _moves([Span.MINUTE, Span.HOUR], since, until, None if step is None else int(step.total_seconds()), job_type)


def moves_ever(*, job_type: str | None = None) -> list[Moved]:
    """The same since the log began: these only grow, as a monitor wants its counters."""
    return _moves([Span.EVER], *_EVER, None, job_type)


def begins(moment: datetime, *, now: datetime) -> datetime:
    """The beginning of the minute, or of the hour where there are only hours, that a moment lies in."""
    whole = moment.replace(second=0, microsecond=0)
    return whole if whole > now - MINUTES_KEPT else whole.replace(minute=0)


def lag_seconds() -> float:
    """How old the oldest entry is that is not in the figures yet; 0 when there is none."""
    rows = statements.run("fold_lag", fold=FOLD)
    return max(0.0, rows[0]["seconds"]) if rows else 0.0


def _spreads(spans: Sequence[Span], since: datetime, until: datetime, job_type: str | None) -> Iterator[Spread]:
    rows = statements.run("time_spent", spans=[int(span) for span in spans], since=since, until=until, type=job_type)
    for (named, state), same in groupby(rows, itemgetter("type", "state")):
        some = list(same)
        yield Spread(
            type=named,
            state=state,
            stretches=sum(row["stretches"] for row in some),
            microseconds=int(sum(row["microseconds"] for row in some)),
            buckets={row["bucket"]: row["stretches"] for row in some},
        )


def _moves(spans: Sequence[Span], since: datetime, until: datetime, step_seconds: int | None, job_type: str | None) -> list[Moved]:
    rows = statements.run(
        "transition_counts", spans=[int(span) for span in spans], since=since, until=until, step=step_seconds, type=job_type
    )
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
    ]
