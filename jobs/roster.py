"""The fleet as it stands: each orchestrator with what it holds, how it is, and what of it went wrong lately."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs import statements
from jobs.fleet import COUNTED_TO
from jobs.health import Health, health_of, offline_after
from jobs.models import Orchestrator, Pause, PauseMode, PauseScope

# Those heard of last; who was silent for longer than so many others is looked up by its id.
MOST_LISTED = 500
LATELY = timedelta(days=1)
_COLUMNS = tuple(column.attname for column in Orchestrator._meta.concrete_fields)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What an orchestrator claims: jobs of these types (None: any) that require none but these labels (None: as its record says)."""

    types: list[str] | None
    labels: list[str] | None


@dataclass(frozen=True, kw_only=True)
class Member:
    """An orchestrator as it stands.

    Attributes:
        record: what it last told of itself.
        now: when all this was so, by the database's clock.
        heard_of_at: its last poll, heartbeat or report.
        polled_at: when it last claimed, to within five seconds; None: not lately.
        pause: what staff said of it.
        asks: what it lately claimed with, the latest first; of one that never did, what its record says.
        first_lease_ends_at, last_lease_ends_at: of the jobs that it holds.
        failures: runs that it reported as failed, lately, counted to COUNTED_TO.
        ignored_cancels: cancels that it did not obey, lately.
    """

    record: Orchestrator
    now: datetime
    heard_of_at: datetime
    polled_at: datetime | None
    pause: Pause | None
    asks: list[Ask]
    running: int
    claimed: int
    first_lease_ends_at: datetime | None
    last_lease_ends_at: datetime | None
    failures: int
    ignored_cancels: int

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def held(self) -> int:
        return self.running + self.claimed

    @property
    def health(self) -> Health:
        return health_of(self.heard_of_at, stopped=PauseMode(self.pause.mode) if self.pause else None, now=self.now)

    @property
    def silence(self) -> timedelta:
        return self.now - self.heard_of_at

    @property
    def is_missed(self) -> bool:
        """It holds jobs and was not heard of for as long as the rule orchestrator_offline waits, stopped or not."""
        return self.held > 0 and self.silence >= offline_after()

    @property
    def slots(self) -> int | None:
        """How many jobs it can hold, as it last said; None when it never did."""
        capacity = self.record.capacity if isinstance(self.record.capacity, dict) else {}
        most = capacity.get("maxJobs")
        return most if isinstance(most, int) else None

    @property
    def free(self) -> int:
        """Slots that none of its jobs takes; 0 for one that never told of any."""
        return max(0, (self.slots or 0) - self.held)


@dataclass(frozen=True)
class Sums:
    """
    Attributes:
        by_health: every word, also those that fit none.
        slots, used: of those that are live or late and told how many they have.
    """

    members: int
    by_health: dict[Health, int]
    running: int
    claimed: int
    slots: int
    used: int
    failures: int
    ignored_cancels: int


def roster() -> list[Member]:
    """Every orchestrator that was heard of, up to MOST_LISTED: who is missed comes first, who is long gone and holds nothing last."""
    rows = statements.run("roster", only=None, most=MOST_LISTED, **_counting())
    return sorted(map(_member, rows), key=_urgency)


def member(orchestrator_id: str) -> Member | None:
    """One orchestrator; None when it was never heard of."""
    return next(map(_member, statements.run("roster", only=orchestrator_id, most=1, **_counting())), None)


def sums(members: Sequence[Member]) -> Sums:
    """What the members of a fleet come to."""
    by_health = Counter(one.health for one in members)
    present = [one for one in members if one.health in (Health.LIVE, Health.LATE) and one.slots is not None]
    return Sums(
        members=len(members),
        by_health={health: by_health[health] for health in Health},
        running=sum(one.running for one in members),
        claimed=sum(one.claimed for one in members),
        slots=sum(one.slots or 0 for one in present),
        used=sum(one.held for one in present),
        failures=sum(one.failures for one in members),
        ignored_cancels=sum(one.ignored_cancels for one in members),
    )


def _counting() -> dict[str, object]:
    return {"lately": int(LATELY.total_seconds()), "counted_to": COUNTED_TO}


_ORDER = (Health.LATE, Health.LIVE, Health.DRAINED, Health.DISABLED, Health.OFFLINE)


def _urgency(one: Member) -> tuple[bool, int, str]:
    return not one.is_missed, _ORDER.index(one.health), one.id


def _member(row: statements.Row) -> Member:
    record = Orchestrator(**{column: row[column] for column in _COLUMNS})
    asks = [Ask(**ask) for ask in row["asks"] or [{"types": record.job_types or None, "labels": record.labels}]]
    return Member(
        record=record,
        now=row["now"],
        heard_of_at=row["heard_of_at"],
        polled_at=row["polled_at"],
        pause=_pause(row),
        asks=asks,
        running=row["running"] or 0,
        claimed=row["claimed"] or 0,
        first_lease_ends_at=row["first_lease_ends_at"],
        last_lease_ends_at=row["last_lease_ends_at"],
        failures=row["failures"],
        ignored_cancels=row["ignored_cancels"],
    )


def _pause(row: statements.Row) -> Pause | None:
    if row["mode"] is None:
        return None
    return Pause(
        scope=PauseScope.ORCHESTRATOR,
        name=row["id"],
        mode=row["mode"],
        reason=row["reason"],
        paused_by=row["paused_by"],
        at=row["paused_at"],
    )
