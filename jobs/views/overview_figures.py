"""What the overview shows of figures beside its chart: tiles, times in each status, error rates, and which failures there are most of."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobs import charts, times
from jobs.flows import Failed, Flows, Window
from jobs.lifecycle import TERMINAL, Status
from jobs.links import jobs_where
from jobs.models import TriageState
from jobs.rollup import Spread
from jobs.standing import Standing
from jobs.templatetags.failures import TONES
from jobs.templatetags.jobs import DASH
from jobs.top_failures import TopFailures
from jobs.views.attention import usually

TIMED = (Status.QUEUED, Status.CLAIMED, Status.RUNNING)
_SHARES = (0.5, 0.95, 0.99)
_TYPES_SHOWN = 7
_FULL_BARS = (1, 2, 5, 10, 20, 30, 50, 100)
_PUT_ASIDE = (TriageState.SNOOZED, TriageState.RESOLVED)


@dataclass(frozen=True)
class Tile:
    """
    Attributes:
        value: how many, in words.
        since: when the first of them began to be so; shown as its age.
        detail: what stands beside or instead of it.
        trend: for the sparkline.
        title: the trend in words.
    """

    status: Status
    value: str
    since: datetime | None
    detail: str
    trend: Sequence[int]
    title: str
    url: str

    @property
    def tone(self) -> str:
        return f"s-{self.status}"


def tiles(standing: Standing, flows: Flows, failed: Failed, window: Window) -> list[Tile]:
    """One for each status: of those that have ended how many did in the window, of the others how many there are."""
    return [_ended(status, flows, failed, window) if status in TERMINAL else _open(status, standing, flows, window) for status in Status]


def percentiles(spreads: dict[str, Spread]) -> dict[str, Any]:
    """p50, p95 and p99 of the time in each status, on one scale."""
    known = {status: [spreads[status].percentile(share) for share in _SHARES] for status in TIMED if status in spreads}
    low, high = charts.decades((seconds for row in known.values() for seconds in row), low=0.1, high=100)
    rows = [
        {
            "status": status,
            "tone": f"s-{status}",
            "title": _percentile_words(status, known.get(status, [])),
            "values": known.get(status, []),
            "words": [_briefly(seconds) for seconds in known.get(status, [])] or [DASH] * len(_SHARES),
        }
        for status in TIMED
    ]
    return {"rows": rows, "low": low, "high": high, "scale": f"{low:g}s to {times.in_words(high)}"}


def rates(by_type: dict[str, Counter[str]]) -> dict[str, Any]:
    """Of the runs that failed or completed, the share that failed, by type: the surest to be bad first."""
    ended = {name: (counts[Status.FAILED], counts[Status.FAILED] + counts[Status.COMPLETED]) for name, counts in by_type.items()}
    ranked = sorted(ended, key=lambda name: (-_surely(*ended[name]), -ended[name][1], name))
    most = max((_rate(*ended[name]) or 0 for name in ranked[:_TYPES_SHOWN]), default=0)
    failed, of = (sum(column) for column in zip(*ended.values(), strict=True)) if ended else (0, 0)
    return {
        "rows": [
            {
                "type": name,
                "failed": ended[name][0],
                "ended": ended[name][1],
                "rate": _rate(*ended[name]),
            }
            for name in ranked[:_TYPES_SHOWN]
        ],
        "more": max(0, len(ranked) - _TYPES_SHOWN),
        "all": _rate(failed, of),
        "full": next((full for full in _FULL_BARS if full >= most), 100),
    }


def failing(top: TopFailures) -> list[dict[str, Any]]:
    """The rows of the groups with the most failures."""
    return [
        {
            "group": often.group,
            "failures": often.failures,
            "counts": often.counts,
            "state": "Ongoing" if often.group.is_ongoing else TriageState(often.group.state).label,
            "tone": "s-running" if often.group.is_ongoing else TONES[TriageState(often.group.state)],
            "bars": "s-queued" if often.group.state in _PUT_ASIDE else "s-failed",
            "title": f"{often.failures:,} by the hour, at most {max(often.counts):,} in one",
        }
        for often in top.groups
    ]


def _open(status: Status, standing: Standing, flows: Flows, window: Window) -> Tile:
    now = standing.jobs[status]
    is_more = status is Status.QUEUED and standing.more_are_queued
    trend = flows.levels(status, now)
    # How many there were is not known where it is not known how many there are; whether they became more is.
    title = f"{status.label}, last {window.said}: " + (f"{_change(trend)}" if is_more else f"{trend[0]:,} to {trend[-1]:,}")
    slots = f"of {standing.slots:,} slots" if status is Status.RUNNING and standing.slots else ""
    return Tile(
        status=status,
        value=f"{now - 1:,}+" if is_more else f"{now:,}",
        since=None if slots else standing.since[status],
        detail=slots,
        trend=trend,
        title=title,
        url=jobs_where(status=status.value),
    )


def _ended(status: Status, flows: Flows, failed: Failed, window: Window) -> Tile:
    trend = flows.into[status]
    usual = usually(failed.usually) if status is Status.FAILED else ""
    return Tile(
        status=status,
        value=f"{sum(trend):,}",
        since=None,
        detail=f"in the last {window.said}" + (f", {usual}" if usual else ""),
        # (The step under way has not had its time: it would look like an end.)
        trend=trend[:-1],
        title=f"{status.label}, last {window.said}: {sum(trend):,}, at most {max(trend):,} in {times.in_words(window.step)}",
        url=jobs_where(status=status.value, updatedAfter=times.written(flows.begins[0])),
    )


def _percentile_words(status: Status, values: Sequence[float]) -> str:
    told = ", ".join(f"p{share * 100:.0f} {_briefly(seconds)}" for share, seconds in zip(_SHARES, values, strict=False))
    return f"{status.label}: {told or 'none left it'}"


def _briefly(seconds: float) -> str:
    return "<0.1s" if seconds < 0.05 else times.in_words(seconds)


def _change(trend: Sequence[int]) -> str:
    return f"{abs(trend[-1] - trend[0]):,} {'more' if trend[-1] >= trend[0] else 'fewer'} than at its beginning"


def _rate(failed: int, ended: int) -> float | None:
    """Percent; None of none."""
    return 100 * failed / ended if ended else None


def _surely(failed: int, ended: int) -> float:
    """The rate that the true one is above with 97.5 % certainty (Wilson 1927): one failure of one is no certain trouble."""
    if not ended:
        return -1.0
    z, share = 1.96, failed / ended
    return (share + z * z / (2 * ended) - z * math.sqrt(share * (1 - share) / ended + z * z / (4 * ended * ended))) / (1 + z * z / ended)
