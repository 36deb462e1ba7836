"""The jobs of a search as CSV, for spreadsheets."""

import csv
from collections.abc import Iterator, Sequence
from datetime import timedelta
from io import StringIO
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Left

from jobs import times
from jobs.models import Job
from jobs.reading import reading
from jobs.search.filters import ERROR_HEAD
from jobs.search.reach import MOST_SEARCHED, Search

_BATCH = 500
# Nobody waits for the first byte of a later batch; a batch is still a transaction, which holds back vacuum.
_SECONDS = 30
# What a spreadsheet would take for a formula (https://owasp.org/www-community/attacks/CSV_Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_HEAD = (
    *("id", "type", "status", "priority", "attempts", "max attempts", "orchestrator", "exit code", "category", "error", "failure group"),
    *("created", "started", "completed", "updated", "seconds"),
)
_COLUMNS = (
    *("id", "type", "status", "priority", "attempts", "max_attempts", "orchestrator_id", "exit_code", "error_category", "error_head"),
    *("fingerprint", "created_at", "started_at", "completed_at", "updated_at"),
)


def written_as_csv(search: Search) -> Iterator[str]:
    """Line by line, the oldest id first; what comes or goes meanwhile may be in it or not.

    However many there are, no more than a batch of them is in memory, and each is read in a transaction of its own.
    """
    yield _line(_HEAD)
    for rows in _batches(search):
        yield "".join(_line(_cells(row)) for row in rows)


def _batches(search: Search) -> Iterator[list[tuple[Any, ...]]]:
    with reading(_SECONDS):
        few = not search.matching.is_capped
        # Their ids are found once: along the key, few among millions would be sought anew for each batch.
        ids = sorted(search.found().values_list("id", flat=True)[:MOST_SEARCHED]) if few else []
    if few:
        for start in range(0, len(ids), _BATCH):
            with reading(_SECONDS):
                rows = list(_told(Job.objects.filter(id__among=ids[start : start + _BATCH])))
            yield rows
        return
    after = ""
    while True:
        with reading(_SECONDS):
            rows = list(_told(search.found().filter(id__gt=after))[:_BATCH])
        if not rows:
            return
        yield rows
        after = rows[-1][0]


def _told(jobs: "QuerySet[Job]") -> "QuerySet[Job, tuple[Any, ...]]":
    return jobs.annotate(error_head=Left("last_error", ERROR_HEAD)).order_by("id").values_list(*_COLUMNS)


def _cells(row: Sequence[Any]) -> list[str]:
    *told, created, started, completed, updated = row
    seconds = (completed - started) / timedelta(seconds=1) if started and completed else None
    moments = [times.written(moment) for moment in (created, started, completed, updated)]
    return ["" if value is None else _harmless(value) for value in (*told, *moments, seconds)]


def _harmless(value: Any) -> str:
    """A number as it is; a text so that no spreadsheet takes it for a formula."""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def _line(cells: Sequence[str]) -> str:
    line = StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
