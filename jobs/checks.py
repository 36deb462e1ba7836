"""What `manage.py check --database default` says of a PostgreSQL that is set to lose changes, or to become slow."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from jobs import statements, vacuum

# MiB: the server's own defaults; what is no larger was never thought about.
_SMALL_BUFFERS, _SMALL_WAL = 128, 1024


@dataclass(frozen=True)
class Rule:
    """
    Attributes:
        number: its id is `jobs.` and this; silenced by that in SILENCED_SYSTEM_CHECKS.
        broken: judges what sql/server_settings.sql returns.
        message: what is wrong and what comes of it; {names} are columns of that.
        hint: what mends it.
    """

    number: str
    broken: Callable[[statements.Row], bool]
    message: str
    hint: str

    def applied(self, row: statements.Row) -> CheckMessage | None:
        """The message, if it is broken."""
        kind = Error if self.number.startswith("E") else Warning
        return kind(self.message.format(**row), hint=self.hint.format(**row), id=f"jobs.{self.number}") if self.broken(row) else None


RULES = (
    Rule(
        "E001",
        lambda row: row["version"] < 150_000,
        "The server is too old (server_version_num {version}): jobsite needs PostgreSQL 15.",
        "Upgrade the server.",
    ),
    Rule(
        "W001",
        lambda row: not row["fsync"],
        "fsync is off: a crash of the machine may destroy the database, and with it what callers were told is done.",
        "Set fsync = on. (Only a database that may be lost, as of tests, goes without.)",
    ),
    Rule(
        "W002",
        lambda row: not row["full_page_writes"],
        "full_page_writes is off: a crash in the midst of a write may leave a page that nothing repairs.",
        "Set full_page_writes = on, unless the file system itself never tears a page of 8 KiB.",
    ),
    Rule(
        "W003",
        lambda row: row["synchronous_commit"] == "off",
        "synchronous_commit is off: a crash loses the last changes that callers were told are done.",
        "Set synchronous_commit = on, for server, database and role: ALTER DATABASE … RESET synchronous_commit.",
    ),
    Rule(
        "W004",
        lambda row: row["synchronous_commit"] == "local" and row["standbys"] != "",
        "synchronous_commit is local: with a failover to the standby changes are lost that callers were told are done.",
        "Set synchronous_commit = on, for server, database and role.",
    ),
    Rule(
        "W005",
        lambda row: not row["autovacuum"],
        "autovacuum does not run: dead rows stay, and every claim walks over all of them.",
        "Set autovacuum = on and track_counts = on.",
    ),
    Rule(
        "W006",
        lambda row: row["autovacuum_naptime"] > 60,
        "autovacuum looks only every {autovacuum_naptime} s: meanwhile a busy queue piles up dead rows, and claims get slower.",
        "Set autovacuum_naptime = 10s.",
    ),
    Rule(
        "W007",
        lambda row: row["idle_in_transaction"] == 0,
        "idle_in_transaction_session_timeout is 0: a transaction of ours that is left open holds back vacuum for ever.",
        "jobsite sets it for its connections: let the pooler pass `options` on, or don't override it in DATABASE_URL.",
    ),
    Rule(
        "W008",
        lambda row: row["plan_cache_mode"] != "force_generic_plan",
        "plan_cache_mode is {plan_cache_mode}, not force_generic_plan: planning a report anew each time triples what it costs.",
        "jobsite sets it for its connections: let the pooler pass `options` on (PgBouncer: pool_mode = session).",
    ),
    Rule(
        "W009",
        lambda row: row["jit"],
        "jit is on: a statement that looks costly to the planner is compiled each time it runs, which takes longer than running it.",
        "jobsite switches it off for its connections: let the pooler pass `options` on.",
    ),
    Rule(
        "W010",
        lambda row: row["shared_buffers"] <= _SMALL_BUFFERS and row["jobs_size"] > row["shared_buffers"],
        "shared_buffers is as small as it comes ({shared_buffers} MiB), and the jobs alone take {jobs_size} MiB.",
        "Set shared_buffers to a quarter of the memory.",
    ),
    Rule(
        "W011",
        lambda row: row["max_wal_size"] < _SMALL_WAL or row["checkpoint_timeout"] < 300,
        "Checkpoints come often (max_wal_size {max_wal_size} MiB, checkpoint_timeout {checkpoint_timeout} s); after each, pages are written"
        " to the log whole.",
        "Set max_wal_size = 4GB and checkpoint_timeout = 15min.",
    ),
    Rule(
        "W012",
        lambda row: row["connections"] < row["needed"],
        "The server takes {connections} connections; the server processes and a sweeper may open {needed}.",
        "Raise max_connections, or lower WEB_CONCURRENCY or JOBSITE_WEB_THREADS.",
    ),
)


def connections_needed() -> int:
    """How many connections a site opens at most: its server processes, each with a pool and a listener, and one sweeper."""
    return settings.WEB_PROCESSES * (settings.POOL_SIZE + 1) + 1


def check_server(databases: Iterable[str] | None, **_: object) -> list[CheckMessage]:
    """The system check: silent unless it is asked for the database, as Django's own are."""
    if "default" not in (databases or ()):
        return []
    (row,) = statements.run("server_settings")
    row["needed"] = connections_needed()
    found = [rule.applied(row) for rule in RULES]
    return [message for message in [*found, _forgotten_transaction()] if message]


def _forgotten_transaction() -> CheckMessage | None:
    if forgotten := vacuum.forgotten_transaction():
        hint = f"Find out what it waits for, or end it: select pg_terminate_backend({forgotten.pid})"
        return Warning(f"{forgotten}: until it ends nothing is vacuumed, and all gets slower.", hint=hint, id="jobs.W013")
    return None
