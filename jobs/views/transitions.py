"""The chart of transitions per minute, and the same as a table."""

from datetime import datetime, timedelta
from typing import Any

from jobs.flows import Flows, Window
from jobs.lifecycle import Status
from jobs.rises import rise
from jobs.templatetags.charts import Mark, Series, Stacked

# Failures lie on the base line, so that their trend can be seen.
LAYERS = (Status.FAILED, Status.CANCELLED, Status.COMPLETED, Status.RUNNING, Status.CLAIMED, Status.QUEUED)
_LABELS = 4
_NARROW = timedelta(days=1)


def stacked(flows: Flows, window: Window, *, now: datetime) -> Stacked:
    """Transitions per minute. The column under way is told by the minutes that it has had."""
    minutes = [max(1.0, min(window.step, now - begins) / timedelta(minutes=1)) for begins in flows.begins]
    series = [
        Series(_came(status), f"s-{status}", [count / each for count, each in zip(_moved(flows, status), minutes, strict=True)])
        for status in LAYERS
    ]
    rises_at = rise(flows.into[Status.FAILED][:-1])
    return Stacked(
        title=f"Transitions per minute, {_clock(flows.begins[0], window)} to {_clock(now, window)} UTC",
        description=_description(flows, rises_at, window, now),
        series=series,
        columns=[_column_words(flows, place, window) for place in range(window.columns)],
        labels={place: _clock(flows.begins[place], window) for place in range(0, window.columns, window.columns // _LABELS)}
        | {window.columns: _clock(now, window)},
        mark=None if rises_at is None else Mark(rises_at, f"{_clock(flows.begins[rises_at], window)} failures rise"),
    )


def table(flows: Flows, window: Window) -> dict[str, Any]:
    """The same in numbers: how many, not per minute; with sums both ways."""
    moved = {status: _moved(flows, status) for status in LAYERS}
    columns = list(zip(*moved.values(), strict=True))
    return {
        "heads": [_came(status) for status in LAYERS],
        "rows": [
            {"at": _clock(begins, window), "counts": counts, "sum": sum(counts)}
            for begins, counts in zip(flows.begins, columns, strict=True)
        ],
        "sums": [sum(counts) for counts in moved.values()],
        "total": sum(map(sum, moved.values())),
    }


def _moved(flows: Flows, status: Status) -> list[int]:
    """Transitions into a status; new jobs come from none, so they are no transitions."""
    if status is not Status.QUEUED:
        return flows.into[status]
    return [came - made for came, made in zip(flows.into[status], flows.made, strict=True)]


def _came(status: Status) -> str:
    return "requeued" if status is Status.QUEUED else status.value


def _column_words(flows: Flows, place: int, window: Window) -> str:
    counts = ", ".join(f"{_moved(flows, status)[place]:,} {_came(status)}" for status in LAYERS if _moved(flows, status)[place])
    return f"{_clock(flows.begins[place], window)}: {counts or 'none'}"


def _description(flows: Flows, rises_at: int | None, window: Window, now: datetime) -> str:
    minutes = max(1.0, (now - flows.begins[0]) / timedelta(minutes=1))
    each = sum(sum(_moved(flows, status)) for status in LAYERS) / minutes
    risen = "" if rises_at is None else f" Failures rise from {_clock(flows.begins[rises_at], window)} on."
    return f"{each:,.1f} a minute on average, {sum(flows.into[Status.FAILED]):,} failures in all.{risen}"


def _clock(moment: datetime, window: Window) -> str:
    return f"{moment:%H:%M}" if window.length <= _NARROW else f"{moment:%-d %b %H:%M}"
