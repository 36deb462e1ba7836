"""Very many jobs at once, with all that they would have left behind: by COPY, past the door, but as sound as through it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection, transaction

from jobs import bulk, failure_groups, rollup, statements
from jobs.actors import Actor
from jobs.demo.catalogue import KINDS, ORCHESTRATORS, SILENT
from jobs.demo.lives import Life, Lives, Row
from jobs.enqueueing import open_lanes
from jobs.failures import Category
from jobs.lifecycle import Status
from jobs.models import Job, Lane, Orchestrator

# In one transaction, which holds back who reads the log behind it.
_AT_ONCE = 20_000
_STAFF = Actor.user("anna")
_NULL = "\\N"
_ESCAPED = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"})
_JOBS = (
    "id",
    "type",
    "status",
    "lane_id",
    "due",
    "priority",
    "payload",
    "metadata",
    "result",
    "last_error",
    "error_category",
    "exit_code",
    "fingerprint",
    "attempts",
    "max_attempts",
    "epoch",
    "phase",
    "progress",
    "progress_at",
    "partial",
    "created_by",
    "orchestrator_id",
    "timeout_seconds",
    "scheduled_for",
    "created_at",
    "updated_at",
    "claimed_at",
    "started_at",
    "completed_at",
    "lease_expires_at",
    "cancel_requested_at",
    "kept_by_heartbeats",
    "claim_losses",
    "late_epochs",
    "audit_seq",
    "event_xid",
)
_USUAL = {
    "metadata": "{}",
    "attempts": 0,
    "epoch": 0,
    "partial": False,
    "kept_by_heartbeats": False,
    "claim_losses": 0,
    "late_epochs": "{}",
}
_ENTRIES = ("job_id", "sequence", "action", "from_status", "to_status", "actor_kind", "actor", "epoch", "attempt", "reason", "at", "detail")
_ATTEMPTS = (
    "job_id",
    "epoch",
    "number",
    "status",
    "orchestrator_id",
    "claimed_at",
    "started_at",
    "completed_at",
    "exit_code",
    "last_error",
    "error_category",
    "fingerprint",
    "result",
)
_LINES = ("job_id", "epoch", "sequence", "stream", "line", "at")


@dataclass(frozen=True)
class Seeded:
    """How many rows there are more."""

    jobs: int
    entries: int
    attempts: int
    lines: int

    def __add__(self, other: "Seeded") -> "Seeded":
        return Seeded(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))


def seed(*, count: int, now: datetime, over: timedelta, chance: int, tell: Callable[[int], object] = lambda jobs: None) -> Seeded:
    """Makes jobs and everything that belongs to them, but for the figures that are folded from the log.

    Args:
        count: of jobs.
        now: when the last of them has just been made.
        over: how long ago the first was made.
        chance: seed of all chance: the same one makes the same jobs.
        tell: called with the number of jobs that there are, from time to time.
    """
    open_lanes([(kind.name, ()) for kind in KINDS])
    writer = _Writer()
    lives, sums = iter(Lives(count=count, now=now, over=over, seed=chance)), Seeded(0, 0, 0, 0)
    while some := list(islice(lives, _AT_ONCE)):
        with transaction.atomic():
            statements.run("disable_story_guards")
            wrote = writer.write(some)
            statements.run("enable_story_guards")
        sums = sums + wrote
        tell(sums.jobs)
    _introduce_orchestrators(now, over)
    _operate()
    statements.run("analyze_seeded")
    return sums


def fold() -> None:
    """Brings figures and failure groups up to date, as the sweep loop does bit by bit."""
    while failure_groups.fold() | rollup.fold():
        pass


class _Writer:
    def __init__(self) -> None:
        self._lanes = dict(Lane.objects.filter(labels=[]).values_list("type", "id"))
        self._fingerprints: dict[tuple[str, str], str] = {}

    def write(self, lives: Sequence[Life]) -> Seeded:
        """Everything of some jobs, in the transaction that is open; how many rows that were."""
        (own,) = statements.run("transaction")
        self._learn({(row["type"], row["fault"]) for life in lives for row in (life.job, *life.attempts) if row.get("fault")})
        # In the order of time, as it happened.
        entries = sorted((entry for life in lives for entry in life.entries), key=lambda entry: entry["at"])
        attempts = [{**row, "fingerprint": self._of(row)} for life in lives for row in life.attempts]
        lines = [line for life in lives for line in life.lines]
        ours = {**_USUAL, "event_xid": own["xid"]}
        jobs = ({**ours, **life.job, "lane_id": self._lanes[life.job["type"]], "fingerprint": self._of(life.job)} for life in lives)
        _copy("jobs", _JOBS, jobs)
        _copy("audit_log", _ENTRIES, entries, xid=own["xid"])
        _copy("attempts", _ATTEMPTS, attempts)
        _copy("log_lines", _LINES, lines)
        return Seeded(len(lives), len(entries), len(attempts), len(lines))

    def _learn(self, asked: set[tuple[str, str]]) -> None:
        new = sorted(asked - self._fingerprints.keys())
        rows = statements.run("fingerprints", types=[type_ for type_, _ in new], faults=[fault for _, fault in new])
        self._fingerprints |= {(row["type"], row["fault"]): row["fingerprint"] for row in rows}

    def _of(self, row: Row) -> str | None:
        return self._fingerprints.get((row["type"], row.get("fault") or ""))


def _copy(table: str, columns: Sequence[str], rows: Iterable[Row], **more: str) -> None:
    """Rows into a table; `more` are columns that are alike in all of them."""
    tail = "".join(f"\t{value}" for value in more.values()) + "\n"
    text = "".join("\t".join([_text(row.get(name)) for name in columns]) + tail for row in rows)
    connection.ensure_connection()
    # Names are ours.
    with connection.connection.cursor() as cursor, cursor.copy(f"copy {table} ({', '.join([*columns, *more])}) from stdin") as copy:
        copy.write(text)


def _text(value: object) -> str:
    """A value as COPY reads it (https://www.postgresql.org/docs/current/sql-copy.html, text format)."""
    if value is None:
        return _NULL
    if isinstance(value, str):
        return value.translate(_ESCAPED) if "\\" in value or "\n" in value or "\t" in value else value
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _introduce_orchestrators(now: datetime, over: timedelta) -> None:
    Orchestrator.objects.bulk_create(
        (
            Orchestrator(
                id=name,
                first_seen_at=now - over,
                last_seen_at=(seen := now - timedelta(hours=3 if name in SILENT else 0, seconds=2 + nth)),
                last_heartbeat_at=seen,
                version=f"2.{4 - nth % 3}.1",
                hostname=f"{name}.internal.example",
                job_types=sorted(kind.name for kind in KINDS),
                labels=["gpu"] if nth == 3 else [],
            )
            for nth, name in enumerate(ORCHESTRATORS)
        ),
        ignore_conflicts=True,
    )


def _operate() -> None:
    """What staff did about some failures, and what they are about to do; through the door. (Those of yesterday nobody has looked at.)"""
    others = Job.objects.filter(status=Status.FAILED).exclude(error_category=Category.TIMEOUT)
    failed = others.order_by("-updated_at", "-id").values_list("id", flat=True)
    done, asked = failed[:12], failed[12:20]
    if done:
        operation = bulk.create("retry", bulk.Selection(ids=list(done)), by=_STAFF)
        bulk.confirm(operation.id, by=_STAFF, reason="the gateway is back")
        while bulk.run_batch(only=operation.id):
            pass
    if asked:
        bulk.create("retry", bulk.Selection(ids=list(asked)), by=_STAFF)
