"""Types as they stand: what waits and what is held now, and what lately went in and out, how long it took and how much of it failed."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobs import rollup, statements, times
from jobs.lifecycle import Status
from jobs.models import JobType, Pause, PauseMode, PauseScope
from jobs.rollup import Moved, Names, Period, Spread

# What waits is counted to here and no further: of all types together, and of one.
COUNTED_OF_EACH, COUNTED_OF_ONE = 1_000, 10_000
LATELY = timedelta(minutes=15)
MOST_LISTED = 1_000
_COLUMNS = tuple(column.attname for column in JobType._meta.concrete_fields)
_MINUTE = timedelta(minutes=1)
_P95 = 0.95


@dataclass(frozen=True)
class Flow:
    """What moved in a period.

    Attributes:
        made: new jobs.
        ended: jobs that came to an end, and are not tried again.
        runs, failed: runs that completed or failed, and those of them that failed.
        minutes: length of the period.
    """

    made: int = 0
    ended: int = 0
    runs: int = 0
    failed: int = 0
    minutes: float = 1.0

    @property
    def in_a_minute(self) -> float:
        return self.made / self.minutes

    @property
    def out_a_minute(self) -> float:
        return self.ended / self.minutes

    @property
    def error_rate(self) -> float | None:
        """The share of runs that failed, 0 to 1; None when none ended."""
        return self.failed / self.runs if self.runs else None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A type as it stands.

    Attributes:
        pause: why none of it is claimed: its own pause, else the site's.
        waiting: due and not claimed, counted to a limit.
        oldest_since: since when the first of those is due.
        slots: how many jobs count towards its limit.
        wait, run: the seconds that 95 % of those that lately were claimed, or whose run ended, did not exceed; None when there were none.
        history: of one type, the minutes of the period: when each began, and what moved in it.
    """

    job_type: JobType
    pause: Pause | None
    waiting: int
    oldest_since: datetime | None
    running: int
    claimed: int
    slots: int
    flow: Flow
    wait: float | None
    run: float | None
    history: list[tuple[datetime, Flow]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.job_type.name

    @property
    def is_full(self) -> bool:
        """As many are held as there may be."""
        limit = self.job_type.concurrency_limit
        return limit is not None and self.slots >= limit


def all_types() -> list[Figures]:
    """Every type that a job was ever made of, or something was said of, by name."""
    rows = statements.run("types", only=None, counted_to=COUNTED_OF_EACH, most=MOST_LISTED)
    period, now = _period()
    moved: dict[str, list[Moved]] = defaultdict(list)
    for move in rollup.moves(period):
        moved[move.type].append(move)
    spreads = {(spread.type, spread.state): spread for spread in rollup.spreads(period)}
    return [_figures(row, _flow(moved[row["name"]], period.since, now), spreads) for row in rows]


def of_type(name: str, *, period: timedelta = LATELY) -> Figures | None:
    """One type; None when there is none of that name.

    Args:
        period: how far back is looked, at most a day: it is told by minutes.
    """
    rows = statements.run("types", only=name, counted_to=COUNTED_OF_ONE, most=1)
    if not rows:
        return None
    looked_at, now = _period(period)
    among = Names(name, name)
    moved = rollup.moves(looked_at, step=_MINUTE, among=among)
    by_minute: dict[datetime, list[Moved]] = defaultdict(list)
    for move in moved:
        if move.begins_at:
            by_minute[move.begins_at].append(move)
    history = [(at, _flow(by_minute[at], at, at + _MINUTE)) for at in _minutes(looked_at)]
    spreads = {(spread.type, spread.state): spread for spread in rollup.spreads(looked_at, among=among)}
    return _figures(rows[0], _flow(moved, looked_at.since, now), spreads, history)


def _period(length: timedelta = LATELY) -> tuple[Period, datetime]:
    now = times.now()
    return Period.around(now - length, now, now=now), now


def _minutes(period: Period) -> Iterable[datetime]:
    return (period.since + number * _MINUTE for number in range(int((period.until - period.since) / _MINUTE)))


def _flow(moved: Iterable[Moved], since: datetime, until: datetime) -> Flow:
    made = ended = again = failed = completed = 0
    for move in moved:
        if move.from_status is None:
            made += move.jobs
        elif Status(move.to_status).is_terminal:
            ended += move.jobs
            failed += move.jobs * (move.to_status == Status.FAILED)
            completed += move.jobs * (move.to_status == Status.COMPLETED)
        # (A failure that is tried again goes on from failed to queued.)
        elif move.from_status == Status.FAILED:
            again += move.jobs
    minutes = max((until - since) / _MINUTE, 1.0)
    return Flow(made, max(0, ended - again), completed + failed, failed, minutes)


def _figures(
    row: statements.Row, flow: Flow, spreads: dict[tuple[str, str], Spread], history: list[tuple[datetime, Flow]] | None = None
) -> Figures:
    name = row["name"]
    wait, run = (spreads.get((name, status.value)) for status in (Status.QUEUED, Status.RUNNING))
    return Figures(
        job_type=JobType(**{column: row[column] for column in _COLUMNS}),
        pause=_pause(row),
        waiting=row["waiting"],
        oldest_since=row["oldest_since"],
        running=row["running"],
        claimed=row["claimed"],
        slots=row["slots"],
        flow=flow,
        wait=wait.percentile(_P95) if wait else None,
        run=run.percentile(_P95) if run else None,
        history=history or [],
    )


def _pause(row: statements.Row) -> Pause | None:
    if row["pause_scope"] is None:
        return None
    scope = PauseScope(row["pause_scope"])
    name = row["name"] if scope is PauseScope.TYPE else ""
    return Pause(scope=scope, name=name, mode=PauseMode.PAUSED, reason=row["pause_reason"], paused_by=row["paused_by"], at=row["paused_at"])
