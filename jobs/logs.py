"""What jobs write while they run: lines, stored once per job, epoch and sequence."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.db import transaction

from jobs import statements
from jobs.actors import Holder
from jobs.lifecycle import HOLD, Status
from jobs.models import LogLine
from jobs.transitions import Step, apply

# Lines that were under way when the run ended are still taken.
GRACE_SECONDS = 300
# Bytes of an entry without its line, and of a gap before it.
_AROUND_A_LINE = 200
# The whole text is read in stretches of so many lines, or so many bytes and one line.
_LINES_AT_ONCE, _BYTES_AT_ONCE = 2000, 1024 * 1024
# Characters of an output that are sent at once.
_PIECE = 65536


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
    hold = Step(job_id=job_id, action=HOLD, epoch=epoch, stated_at=stated_at, expected_updated_at=expected_updated_at)
    if stated_at or expected_updated_at or (by.fenced and epoch is None):
        (ruling,) = apply([hold], by=by)
        job = ruling.job
        # The lines of a run that has ended are welcome for a while; those of an earlier claim of a job held now are not.
        held_now = job is not None and job.orchestrator_id == by.name and Status(job.status).is_live
        earlier = epoch is None and held_now and ruling.verdict in ("not_owner", "already_finished")
        if earlier or ruling.verdict in ("not_found", "token_required", "conflict"):
            raise ruling.refusal(HOLD)
    rows = statements.run(
        "append_logs", job_id=job_id, entries=json.dumps(list(entries)), orchestrator_id=by.name, epoch=epoch, grace=GRACE_SECONDS
    )
    if not rows or not rows[0]["accepted"]:
        (ruling,) = apply([hold], by=by)
        if ruling.is_refused:
            raise ruling.refusal(HOLD)
        # The caller has claimed the job in between.
        return append(job_id, entries, by=by, epoch=epoch, stated_at=stated_at, expected_updated_at=expected_updated_at)
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


def gaps_between(lines: Sequence[LogLine], *, after: int | None = None) -> list[tuple[int, int]]:
    """First and last sequence of each stretch that is missing before or between lines read without a choice of stream."""
    places = [after if after is not None else -1, *(line.sequence for line in lines)]
    return [(before + 1, here - 1) for before, here in pairwise(places) if _missing(before, here)]


def text(job_id: str) -> Iterator[str]:
    """The whole log line by line, every run of it, with a line of its own where some are missing.

    It is read in stretches, each as it is needed: neither we nor the database ever hold more, and no transaction stays open however slowly
    the text is taken.
    """
    epoch, last = 0, -1
    while stretch := statements.run("log_text", job_id=job_id, epoch=epoch, after=last, lines=_LINES_AT_ONCE, bytes=_BYTES_AT_ONCE):
        for row in stretch:
            last = last if row["epoch"] == epoch else -1
            if missing := _missing(last, row["sequence"]):
                yield f"… {missing} {'line is' if missing == 1 else 'lines are'} missing …\n"
            epoch, last = row["epoch"], row["sequence"]
            yield row["line"] + "\n"


def _missing(before: int, here: int) -> int:
    """How many lines should stand between two sequences. (Some count from one, so that nothing is missing before that.)"""
    return 0 if (before, here) == (-1, 1) else here - before - 1
