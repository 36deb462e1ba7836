"""Which failures there were most of lately, by groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs import statements
from jobs.failure_groups import hour_of
from jobs.models import FailureGroup


@dataclass(frozen=True)
class Often:
    """
    Attributes:
        group: without its example.
        failures: in the time.
        counts: of the hours of the time, the first one first.
    """

    group: FailureGroup
    failures: int
    counts: Sequence[int]


@dataclass(frozen=True)
class TopFailures:
    """
    Attributes:
        since: a full hour.
        groups: those with the most failures, the most first.
        failures, of_groups: how many there were in all, in how many groups.
    """

    since: datetime
    groups: Sequence[Often]
    failures: int
    of_groups: int


def top_failures(*, now: datetime, hours: int, most: int) -> TopFailures:
    """What failed most.

    Args:
        hours: so many, with the one under way.
        most: groups.
    """
    since = hour_of(now) - timedelta(hours=hours - 1)
    rows = statements.run("top_failures", since=since, most=most)
    groups = [_often(row, [since + timedelta(hours=number) for number in range(hours)]) for row in rows]
    return TopFailures(since, groups, rows[0]["all_failures"] if rows else 0, rows[0]["all_groups"] if rows else 0)


def _often(row: statements.Row, hours: Sequence[datetime]) -> Often:
    counts = dict(zip(row["hours"], row["counts"], strict=True))
    columns = ("fingerprint", "type", "title", "state", "first_seen_at", "last_seen_at")
    group = FailureGroup(**{column: row[column] for column in columns})
    return Often(group, row["lately"], [counts.get(hour, 0) for hour in hours])
