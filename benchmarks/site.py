"""What suites measure: databases of a durable PostgreSQL of the run's own, and our server as it is shipped."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from benchmarks.cpu import cpu_seconds
from benchmarks.scratch import execute, scratch_databases, use

API_KEY = "the-service-key-of-the-benchmarks"
# Nothing but what goes wrong: a server's log is told when it ends.
_QUIET = {"GUNICORN_CMD_ARGS": "--log-level warning", "JOBSITE_LOG_LEVEL": "WARNING"}

# Between databases; not the one that others are copied from, which must have nobody in it.
_NOWHERE = "postgres"


@dataclass
class Site:
    """Within one of the databases, Django's connection, DATABASE_URL and servers that are started all use that one."""

    _postgres: int
    _servers: list[int] = field(default_factory=list)
    _kept: dict[str, str] = field(default_factory=dict)
    _until_the_end: ExitStack = field(default_factory=ExitStack)

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """A migrated, empty database for one round, dropped afterwards. Yields its URL."""
        from tests.postgres import cloned_database

        with cloned_database("jobsite") as clone:
            try:
                yield use(clone.name)
            finally:
                use(_NOWHERE)

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """A database without our tables, for others; nothing of ours uses it. Yields its URL."""
        from tests.postgres import cloned_database

        with cloned_database("template1") as clone:
            yield clone.url

    @contextmanager
    def kept_database(self, name: str, fill: Callable[[], None]) -> Iterator[str]:
        """A database that stays for the rounds to come: made and filled by whoever asks first. Yields its URL."""
        from tests.postgres import cloned_database

        try:
            if name not in self._kept:
                clone = self._until_the_end.enter_context(cloned_database("jobsite"))
                use(clone.name)
                fill()
                self._kept[name] = clone.name
            yield use(self._kept[name])
        finally:
            use(_NOWHERE)

    @contextmanager
    def server(self, environment: Mapping[str, str] | None = None) -> Iterator[str]:
        """Our server, two processes with the usual threads, on the database in use. Yields its URL; its key is API_KEY."""
        from tests.server import running_server

        with running_server(workers=2, environment={**_QUIET, **(environment or {})}) as server:
            self._servers.append(server.master)
            try:
                yield server.url
            finally:
                self._servers.remove(server.master)

    def cpu_seconds(self) -> dict[str, float]:
        """How long PostgreSQL, and the servers that run now, have been on a core."""
        return {"postgresql": cpu_seconds(self._postgres), "server": sum(map(cpu_seconds, self._servers))}

    def enqueue(self, jobs: int, *, type: str = "benchmark") -> None:
        """Fills the queue of the database in use with small jobs, and lets PostgreSQL tidy up after the ones before."""
        from jobs.actors import Actor
        from jobs.enqueueing import MOST_AT_ONCE, NewJob, enqueue

        for first in range(0, jobs, MOST_AT_ONCE):
            numbers = range(first, min(jobs, first + MOST_AT_ONCE))
            enqueue([NewJob(type=type, payload={"rows": number}) for number in numbers], by=Actor.producer("benchmark"))
        execute("vacuum (analyze) jobs, audit_log")


@contextmanager
def running_site() -> Iterator[Site]:
    """A site of one's own; nothing of it is left afterwards."""
    with scratch_databases([], environment={"INTERNAL_API_KEY": API_KEY}) as postgres:
        use(_NOWHERE)
        site = Site(postgres.pid)
        with site._until_the_end:
            yield site
