"""What jobs write while they run: lines, stored once per job, epoch and sequence."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs import statements
from jobs.actors import Holder
from jobs.models import LogLine

# Lines that were under way when the run ended are still taken.
GRACE_SECONDS = 300


@dataclass(frozen=True)
class Appended:
    """
    Attributes:
        stored: lines that were new.
        duplicates: lines that were there already.
        next_sequence: one past the highest stored.
        next_action: `continue`, `cancel` or `abandon`.
    """

    stored: int
    duplicates: int
    next_sequence: int
    next_action: str


def append(job_id: str, entries: Sequence[Mapping[str, Any]], *, by: Holder, epoch: int | None) -> Appended | None:
    """Stores lines of a run.

    Args:
        entries: sequence (0 …), stream, line, stated_at (ISO 8601) of each.
        epoch: of the verified token; None means the run that the caller holds or last held.

    Returns:
        None when the caller never held that run, or it ended too long ago.
    """
    rows = statements.run(
        "append_logs", job_id=job_id, entries=json.dumps(list(entries)), orchestrator_id=by.name, epoch=epoch, grace=GRACE_SECONDS
    )
    if not rows or not rows[0]["accepted"]:
        return None
    (row,) = rows
    return Appended(
        stored=row["stored"],
        duplicates=len(entries) - row["stored"],
        next_sequence=(row["newest"] + 1) if row["newest"] is not None else 0,
        next_action="abandon" if not row["holds"] else "cancel" if row["cancelling"] else "continue",
    )


def read(job_id: str, *, epoch: int | None = None, after: int | None = None, stream: str | None = None, limit: int = 1000) -> list[LogLine]:
    """Lines of a job in the order in which they were written.

    Args:
        epoch: of which run; None for all.
        after: only sequences greater than this.
    """
    lines = LogLine.objects.filter(job_id=job_id)
    if epoch is not None:
        lines = lines.filter(epoch=epoch)
    if after is not None:
        lines = lines.filter(sequence__gt=after)
    if stream is not None:
        lines = lines.filter(stream=stream)
    return list(lines.order_by("epoch", "sequence")[:limit])


def text(job_id: str) -> Iterator[str]:
    """The whole log, line by line, read as it is sent."""
    for line in (
        LogLine.objects.filter(job_id=job_id).order_by("epoch", "sequence").values_list("line", flat=True).iterator(chunk_size=2000)
    ):
        yield line + "\n"
