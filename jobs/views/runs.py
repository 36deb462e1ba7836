"""The runs of one job in one list: the one in hand, or that ended last, and those before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject, Left, Length

from jobs.legible import one_line
from jobs.lifecycle import Status
from jobs.models import Attempt, Job

MOST_RUNS = 100
# Of the errors of a list, which may be megabytes each.
ERROR_HEAD = 4000


@dataclass(frozen=True)
class Run:
    """
    Attributes:
        number: of the attempt. (Who gave the job back has used none, so that runs of several epochs may have one.)
        status: how it ended, or where it stands.
        error: its head; `error_length` characters are the whole.
    """

    number: int
    epoch: int
    status: str
    orchestrator_id: str | None
    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    error: str
    error_length: int
    fingerprint: str | None

    @property
    def ran(self) -> timedelta | None:
        return self.ended_at - self.started_at if self.started_at and self.ended_at else None

    @property
    def headline(self) -> str:
        return one_line(self.error)

    @property
    def has_more(self) -> bool:
        return self.error_length > len(self.error)


def earlier_runs() -> ArraySubquery:
    """For a query of jobs: `earlier`, the newest runs before the last one, as `runs_of` reads them."""
    told = JSONObject(
        number="number",
        epoch="epoch",
        status="status",
        orchestrator_id="orchestrator_id",
        started_at="started_at",
        ended_at="completed_at",
        exit_code="exit_code",
        fingerprint="fingerprint",
        error=Left("last_error", ERROR_HEAD),
        error_length=Length("last_error"),
    )
    return ArraySubquery(Attempt.objects.filter(job_id=OuterRef("pk")).order_by("-epoch").values(json=told)[:MOST_RUNS])


def runs_of(job: Job, earlier: Sequence[dict[str, Any]]) -> list[Run]:
    """Every run of a job, the newest first."""
    return [*([_last(job)] if job.claimed_at else []), *map(_earlier, earlier)]


def alike(runs: Sequence[Run], fingerprint: str | None) -> list[int]:
    """The numbers of the attempts that failed by one fault, in order; none unless there are several."""
    numbers = sorted({run.number for run in runs if fingerprint and run.fingerprint == fingerprint and run.status == Status.FAILED})
    return numbers if len(numbers) > 1 else []


def _last(job: Job) -> Run:
    # Until a run ends, what the one before it ended with stands on the job.
    has_ended = Status(job.status).is_terminal
    error = (job.last_error or "") if has_ended else ""
    return Run(
        number=job.attempt_number,
        epoch=job.epoch,
        status=job.status,
        orchestrator_id=job.orchestrator_id,
        started_at=job.started_at,
        ended_at=job.completed_at,
        exit_code=job.exit_code if has_ended else None,
        error=error[:ERROR_HEAD],
        error_length=len(error),
        fingerprint=job.fingerprint if has_ended else None,
    )


def _earlier(told: dict[str, Any]) -> Run:
    started, ended = told["started_at"], told["ended_at"]
    moments = {
        "started_at": datetime.fromisoformat(started) if started else None,
        "ended_at": datetime.fromisoformat(ended),
        "error": told["error"] or "",
        "error_length": told["error_length"] or 0,
    }
    return Run(**told | moments)
