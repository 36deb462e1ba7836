"""The audit log as it is read: one job's story, and the feed of everything that happens, in one order that skips nothing."""

import re
from dataclasses import dataclass
from typing import Self

from jobs import statements
from jobs.statements import Row

_FORM = re.compile(r"(\d{1,20})-(\d{1,19})", re.ASCII)


@dataclass(frozen=True)
class Place:
    """Where a reader of the feed is: behind this entry.

    Attributes:
        xid: the transaction that the entry is labelled with.
        id: of the entry.
    """

    xid: int
    id: int

    @classmethod
    def read(cls, cursor: str) -> Self:
        """The place that a cursor names: `0` is the beginning.

        Raises:
            ValueError: it is no cursor of ours.
        """
        if cursor == "0":
            return cls(0, 0)
        parts = _FORM.fullmatch(cursor)
        if parts is None or int(parts[1]) >= 2**64 or int(parts[2]) >= 2**63:
            raise ValueError(f"{cursor!r} is no cursor: send the nextCursor of an earlier answer, or 0 to begin")
        return cls(int(parts[1]), int(parts[2]))

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"


@dataclass(frozen=True)
class Feed:
    """
    Attributes:
        entries: in the order of the feed, those of one job in the order of their sequence.
        next: where to read on; None when there was nothing.
        lag_seconds: age of the oldest entry that comes after these; 0 when there is none. It grows while a transaction holds the feed back.
    """

    entries: list[Row]
    next: Place | None
    lag_seconds: float


@dataclass(frozen=True)
class Story:
    """
    Attributes:
        entries: of one job, in the order of their sequence.
        has_more: they ended early.
    """

    entries: list[Row]
    has_more: bool


def after(place: Place, *, limit: int, most_bytes: int) -> Feed:
    """What happened on the site after a place: each entry exactly once, however ids and commits overtook each other.

    Args:
        limit: at most so many entries.
        most_bytes: of all entries together, as JSON; the first is given however long it is.
    """
    rows = statements.run("events", "entries", xid=str(place.xid), id=place.id, limit=limit, most_bytes=most_bytes)
    entries = _page(rows, limit)
    later = rows[len(entries) :]
    last = entries[-1] if entries else None
    return Feed(
        entries=entries,
        next=Place(int(last["xid"]), last["id"]) if last else None,
        lag_seconds=max(0.0, later[0]["age_seconds"]) if later else 0.0,
    )


def history(job_id: str, *, after: int, limit: int, most_bytes: int) -> Story:
    """What happened to one job after a sequence, also when the job itself is gone; arguments as above."""
    rows = statements.run("history", "entries", job_id=job_id, after=after, limit=limit, most_bytes=most_bytes)
    entries = _page(rows, limit)
    return Story(entries, has_more=len(rows) > len(entries))


def _page(rows: list[Row], limit: int) -> list[Row]:
    page: list[Row] = []
    for row in rows[:limit]:
        if not row["settled"] or (page and not row["fits"]):
            break
        page.append(row)
    return page
