"""How long jobs and their logs are kept when they have ended: what outlives that is deleted. The audit log stays, and keeps their names."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings

from jobs import records, statements
from jobs.actors import Actor
from jobs.lifecycle import Status
from jobs.models import Job
from jobs.records import SiteAct

BATCH = 500
# A job may have written millions.
_LINES_AT_ONCE = 20_000


@dataclass(frozen=True, kw_only=True)
class Periods:
    """How long, from the end of a job, each is kept; None: for ever.

    Attributes:
        completed: jobs that were completed or cancelled, with their runs and lines.
        failed: jobs that failed.
        logs: lines of jobs that are still there.
    """

    completed: timedelta | None
    failed: timedelta | None
    logs: timedelta | None

    @classmethod
    def of_settings(cls) -> "Periods":
        return cls(completed=settings.KEEP_COMPLETED, failed=settings.KEEP_FAILED, logs=settings.KEEP_LOGS)


@dataclass(frozen=True)
class Outlived:
    """A job whose time is over."""

    job_id: str
    status: Status
    ended_at: datetime


@dataclass
class Pruned:
    """What a run deleted, or would delete.

    Attributes:
        jobs: status → how many.
        logs_of: of how many jobs lines went, whether the jobs went themselves or not.
        log_lines: how many lines that were.
    """

    jobs: Counter[str] = field(default_factory=Counter)
    logs_of: int = 0
    log_lines: int = 0

    def __bool__(self) -> bool:
        return bool(self.jobs or self.log_lines)


def _to_nobody(_: Outlived) -> None: ...


def preview(
    periods: Periods, *, limit: int | None = None, batch_size: int = BATCH, told: Callable[[Outlived], object] = _to_nobody
) -> Pruned:
    """What `prune` with the same arguments would delete now; changes nothing."""
    would, cutoffs, counted_to = Pruned(), _Cutoffs.of(periods), ""
    for ids in _with_spent_logs(cutoffs, limit, batch_size):
        _count_lines(ids, would)
        counted_to = ids[-1]
    for batch in _outlived(cutoffs, limit, batch_size):
        # (Spent logs are counted already, up to those of this job.)
        still = [job.job_id for job in batch if cutoffs.logs is None or job.ended_at > cutoffs.logs or job.job_id > counted_to]
        _count_lines(still, would)
        for job in batch:
            would.jobs[job.status] += 1
            told(job)
    return would


def prune(
    periods: Periods, *, by: Actor, limit: int | None = None, batch_size: int = BATCH, told: Callable[[Outlived], object] = _to_nobody
) -> Pruned:
    """Deletes what has outlived its time, in short transactions. Any number of pruners at once equals one.

    First spent logs, then jobs, of each status those that ended first. What somebody holds just then is left for the next time; a job that
    is retried stays. Each job leaves a last entry in the log, and the run another one.

    Args:
        by: who prunes; written into the entries.
        limit: the spent logs of at most so many jobs, those that were made first; and at most so many jobs, with whatever lines they have.
        batch_size: jobs in one transaction.
        told: is given each job when it is gone.
    """
    done, cutoffs = Pruned(), _Cutoffs.of(periods)
    for ids in _with_spent_logs(cutoffs, limit, batch_size):
        _prune_lines(ids, cutoffs.logs, done)
    for batch in _outlived(cutoffs, limit, batch_size):
        _prune_jobs(batch, by, done, told)
    _record(done, by)
    return done


class Pruner:
    """Prunes by the periods of the settings, a batch at each call. It looks at each job's lines once in a pass, and then begins anew: what
    somebody holds is left for the next pass, and keeps it neither from what lies behind nor from coming to its end.
    """

    def __init__(self) -> None:
        self._logs_reached = ""

    def prune_a_little(self, *, by: Actor) -> bool:
        """The next batch.

        Returns:
            Whether there may be more at once.
        """
        done, cutoffs = Pruned(), _Cutoffs.of(Periods.of_settings())
        more = self._prune_some(cutoffs, by, done)
        _record(done, by)
        return more

    def _prune_some(self, cutoffs: "_Cutoffs", by: Actor, done: Pruned) -> bool:
        # A batch may have more lines than go in one turn: then the next begins with the same.
        reached = None
        if cutoffs.logs:
            spent, reached = _next_spent_logs(cutoffs, self._logs_reached, BATCH)
            if not _prune_lines(spent, cutoffs.logs, done, most=_LINES_AT_ONCE):
                return True
        self._logs_reached = reached or ""
        found = 0
        for batch in _outlived(cutoffs, BATCH, BATCH):
            if not _prune_jobs(batch, by, done, _to_nobody, most_lines=_LINES_AT_ONCE):
                return True
            found += len(batch)
        return reached is not None or (found == BATCH and bool(done.jobs))


@dataclass(frozen=True)
class _Cutoffs:
    """By when a job must have ended to go, or to lose its lines; None: never."""

    jobs: dict[Status, datetime | None]
    logs: datetime | None

    @classmethod
    def of(cls, periods: Periods) -> "_Cutoffs":
        # One moment for the whole run, of the server that wrote when they ended.
        now = statements.run("clock")[0]["now"]
        completed, failed, logs = (None if period is None else now - period for period in (periods.completed, periods.failed, periods.logs))
        return cls({Status.CANCELLED: completed, Status.COMPLETED: completed, Status.FAILED: failed}, logs)


def _with_spent_logs(cutoffs: _Cutoffs, limit: int | None, batch_size: int) -> Iterator[list[str]]:
    """Jobs that have lines which nobody needs any more, some at a time, in one walk through all that have lines."""
    left, after = limit, "" if cutoffs.logs else None
    while after is not None and left != 0:
        found, after = _next_spent_logs(cutoffs, after, batch_size)
        ids = found[:left]
        left = None if left is None else left - len(ids)
        if ids:
            yield ids


def _next_spent_logs(cutoffs: _Cutoffs, after: str, looks: int) -> tuple[list[str], str | None]:
    """Those of the next so many jobs that have lines, and how far that reached; None: to the end."""
    (found,) = statements.run("spent_logs", after=after, looks=looks, ended_by=cutoffs.logs)
    return found["ids"], found["reached"]


def _outlived(cutoffs: _Cutoffs, limit: int | None, batch_size: int) -> Iterator[list[Outlived]]:
    """Batches of jobs of one status; what is read costs no more memory however many there are."""
    left = limit
    for status, ended_by in cutoffs.jobs.items():
        if ended_by is None:
            continue
        # (In a terminal status updated_at is the time of the end: nothing moves it any more.)
        rows = Job.objects.ended_by(ended_by, status=status).values_list("id", "updated_at")[:left].iterator()
        while batch := [Outlived(job_id, status, ended_at) for job_id, ended_at in islice(rows, batch_size)]:
            left = None if left is None else left - len(batch)
            yield batch


def _count_lines(ids: Sequence[str], would: Pruned) -> None:
    (counted,) = statements.run("count_lines", ids=list(ids))
    would.logs_of += counted["jobs"]
    would.log_lines += counted["lines"]


def _prune_lines(ids: Sequence[str], ended_by: datetime | None, done: Pruned, *, most: float = math.inf) -> bool:
    """Whether none is left; it ends when it has deleted `most`."""
    had_some: set[str] = set()
    lines, gone = 0, _LINES_AT_ONCE if ids else 0
    while gone == _LINES_AT_ONCE and lines < most:
        (row,) = statements.run("prune_lines", ids=list(ids), ended_by=ended_by, most=_LINES_AT_ONCE)
        gone = row["lines"]
        had_some.update(row["jobs"])
        lines += gone
    done.logs_of += len(had_some)
    done.log_lines += lines
    return gone < _LINES_AT_ONCE


def _prune_jobs(
    batch: Sequence[Outlived], by: Actor, done: Pruned, told: Callable[[Outlived], object], *, most_lines: float = math.inf
) -> bool:
    """False: they have more lines than `most_lines`, of which so many are gone; the jobs stay until the last is."""
    ids, ended_by = [job.job_id for job in batch], batch[-1].ended_at
    if not _prune_lines(ids, ended_by, done, most=most_lines):
        return False
    gone = statements.run("prune_jobs", ids=ids, ended_by=ended_by, actor_kind=by.kind, actor=by.name, request_id=by.request_id)
    left = {row["id"] for row in gone}
    for job in batch:
        if job.job_id in left:
            done.jobs[job.status] += 1
            told(job)
    return True


def _record(done: Pruned, by: Actor) -> None:
    if done:
        detail = {"jobs": done.jobs, "logsOf": done.logs_of, "logLines": done.log_lines}
        records.record(SiteAct.PRUNE, subject_type="site", subject_id="jobs", by=by, detail=detail)
