"""What jobs write while they run: lines, stored once per job, epoch and sequence."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from jobs import statements
from jobs.actors import Holder
from jobs.lifecycle import Status
from jobs.models import LogLine
from jobs.transitions import Step, apply

# Lines that were under way when the run ended are still taken.
GRACE_SECONDS = 300
# Characters of an output that are sent at once.
_PIECE = 65536
# Bytes of an entry without its line.
_AROUND_A_LINE = 160


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


def append(
    job_id: str,
    entries: Sequence[Mapping[str, Any]],
    *,
    by: Holder,
    epoch: int | None,
    stated_at: datetime | None = None,
    expected_updated_at: datetime | None = None,
) -> Appended:
    """Stores lines of a run.

    Args:
        entries: sequence (0 …), stream, line, stated_at (ISO 8601) of each.
        epoch: of the verified token; None means the run that the caller holds or last held.
        stated_at: when the caller says it sent them; what it sent before its present claim is not taken for this run's.
        expected_updated_at: refuse if the job has changed since.

    Raises:
        TransitionRefused: the caller never held that run, or it ended too long ago.
    """
    hold = Step(job_id=job_id, action="hold", epoch=epoch, stated_at=stated_at, expected_updated_at=expected_updated_at)
    if stated_at or expected_updated_at:
        (ruling,) = apply([hold], by=by)
        job = ruling.job
        # The lines of a run that has ended are welcome for a while; those of an earlier claim of a job held now are not.
        held_now = job is not None and job.orchestrator_id == by.name and Status(job.status).is_live
        if ruling.verdict == "conflict" or (epoch is None and held_now and ruling.verdict in ("not_owner", "already_finished")):
            raise ruling.refusal("hold")
    rows = statements.run(
        "append_logs", job_id=job_id, entries=json.dumps(list(entries)), orchestrator_id=by.name, epoch=epoch, grace=GRACE_SECONDS
    )
    if not rows or not rows[0]["accepted"]:
        (ruling,) = apply([hold], by=by)
        raise ruling.refusal("hold")
    (row,) = rows
    return Appended(
        stored=row["stored"],
        duplicates=len(entries) - row["stored"],
        next_sequence=(row["newest"] + 1) if row["newest"] is not None else 0,
        next_action="abandon" if not row["holds"] else "cancel" if row["cancelling"] else "continue",
    )


def newest_epoch(job_id: str) -> int | None:
    """The last run of the job that wrote lines; None when none did."""
    return LogLine.objects.filter(job_id=job_id).order_by("-epoch").values_list("epoch", flat=True).first()


def read(
    job_id: str, *, epoch: int, most_bytes: int, after: int | None = None, stream: str | None = None, limit: int = 1000
) -> list[LogLine]:
    """Lines of one run in the order in which they were written.

    Args:
        epoch: of which run.
        most_bytes: of all lines together, as JSON; the first one is given however long it is.
        after: only sequences greater than this.
    """
    lines = LogLine.objects.filter(job_id=job_id, epoch=epoch)
    if after is not None:
        lines = lines.filter(sequence__gt=after)
    if stream is not None:
        lines = lines.filter(stream=stream)
    found: list[LogLine] = []
    # In a transaction the server reads no further than we do.
    with transaction.atomic():
        for line in lines.order_by("sequence")[:limit].iterator(chunk_size=100):
            most_bytes -= len(json.dumps(line.line, ensure_ascii=False).encode()) + _AROUND_A_LINE
            if found and most_bytes < 0:
                break
            found.append(line)
    return found


def output(job_id: str, *, stream: str, epoch: int | None = None) -> Iterator[str]:
    """What a run was reported to have written to `stdout` or `stderr`, piece by piece; nothing when it reported no such output.

    Args:
        epoch: of which run; None for the newest that has ended.
    """
    rows = statements.run("output", job_id=job_id, stream=stream, epoch=epoch)
    whole = (rows[0]["text"] if rows else None) or ""
    return (whole[place : place + _PIECE] for place in range(0, len(whole), _PIECE))


def text(job_id: str) -> Iterator[str]:
    """The whole log, line by line, read as it is sent."""
    for line in (
        LogLine.objects.filter(job_id=job_id).order_by("epoch", "sequence").values_list("line", flat=True).iterator(chunk_size=2000)
    ):
        yield line + "\n"
