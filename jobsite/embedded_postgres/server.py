"""One local PostgreSQL from the caller's side: have it running, know its address, stop it when nobody needs it."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from jobsite import keys
from jobsite.embedded_postgres import cluster, locks
from jobsite.embedded_postgres.account import account_for
from jobsite.embedded_postgres.binaries import programs_for
from jobsite.embedded_postgres.errors import EmbeddedPostgresError
from jobsite.embedded_postgres.layout import Layout
from jobsite.embedded_postgres.postmaster import Postmaster

ROLE = DATABASE = "jobsite"
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0600",
    "max_connections": "100",
    # For two cores and a small machine; compiling these short statements costs more than running them.
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    # A queue makes dead rows all day long in a small table.
    "autovacuum_naptime": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    "cluster_name": "jobsite",
}
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """The server whose files lie in a data dir; as a context manager, one that we own.

    Args:
        data_dir: made when it is missing.
        durable: what was committed survives a crash of the machine. Off only for tests, where nothing has to.
        dies_with_us: stop the server when the thread that started it ends, even by SIGKILL (Linux only).
        settings: of PostgreSQL, on top of ours.
    """

    def __init__(
        self, data_dir: Path, *, durable: bool = True, dies_with_us: bool = False, settings: Mapping[str, str] | None = None
    ) -> None:
        self.layout = Layout(data_dir.absolute())
        self._settings = {**_SETTINGS, **(_DURABLE if durable else _FAST), **(settings or {})}
        self._durable = durable
        self._dies_with_us = dies_with_us
        self._postmaster = Postmaster(self.layout)
        self._users = locks.SharedHold(self.layout.users)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> bool:
        """Make sure that the server runs, with the application's role and database in it; make the cluster the first time.

        Returns:
            True when this call started it, False when it was running.

        Raises:
            EmbeddedPostgresError: it can't be; nothing is left running.
        """
        try:
            self.layout.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedPostgresError(f"JOBSITE_DATA_DIR: {self.layout.data_dir} can't be made: {error.strerror}.") from None
        with locks.alone(self.layout.lock):
            self._users.take()
            try:
                return self._start()
            except BaseException:
                self._users.let_go()
                raise

    def stop(self) -> None:
        """Stop the server whoever started it; its clients are disconnected, what they committed is kept. Only for its owner.

        Raises:
            EmbeddedPostgresError: it would not end.
        """
        if self.layout.lock.exists():
            with locks.alone(self.layout.lock):
                self._stop()
                self._users.let_go()

    def stop_unless_used(self) -> bool:
        """Stop the server unless another process of ours relies on it or any client is connected.

        Returns:
            Whether it is down.

        Raises:
            EmbeddedPostgresError: it would not end.
        """
        with locks.alone(self.layout.lock):
            used = self.is_running() and (self._users.others() or self._has_clients())
            if not used:
                self._stop()
            self._users.let_go()
            return not used

    def is_running(self) -> bool:
        return self._postmaster.is_listening()

    @property
    def pid(self) -> int:
        """The process id of the running server's postmaster; EmbeddedPostgresError when it is not running."""
        return self._postmaster.pid

    def url(self, database: str = DATABASE) -> str:
        """The address of a database for DATABASE_URL, psql or psycopg; it holds the password."""
        return f"postgresql://{ROLE}:{self._password()}@/{quote(database)}?host={quote(str(self.layout.socket_folder))}"

    def _start(self) -> bool:
        account = account_for(self.layout.home)
        if self._is_ready():
            return False
        if not self._postmaster.ends():
            raise EmbeddedPostgresError(f"The PostgreSQL in {self.layout.data_dir} is stopping and does not end, see {self.layout.log}.")
        programs = programs_for(account)
        cluster.ensure(self.layout, account=account, programs=programs, password=self._password(), durable=self._durable)
        settings = self._settings | {"unix_socket_directories": self.layout.make_socket_folder(account)}
        try:
            self._postmaster.start(programs, account=account, settings=settings, dies_with_us=self._dies_with_us)
            self._ensure_database()
        except BaseException as error:
            self._stop()
            if isinstance(error, psycopg.Error):
                raise EmbeddedPostgresError(f"PostgreSQL can't be set up: {' '.join(str(error).split())}") from None
            raise
        return True

    def _is_ready(self) -> bool:
        if not self.is_running() or self._postmaster.is_stopping() or not self._postmaster.becomes_ready():
            return False
        # The kernel still takes connections for a server that was killed a moment ago; only a login proves that it lives.
        try:
            self._connection().close()
        except psycopg.OperationalError:
            return False
        return True

    def _ensure_database(self) -> None:
        with self._connection() as connection:
            # Not a superuser: a hole in the application is none in the server's files. As the owner of its tables it can still drop their
            # guards by hand. It makes databases for the tests.
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone() is None:
                role = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(self._password()))
                connection.execute(role)
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(ROLE)))

    def _has_clients(self) -> bool:
        clients = "SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        try:
            with self._connection() as connection:
                # Those that we closed ourselves just now need a moment to go.
                for _ in range(20):
                    if connection.execute(clients).fetchone() is None:
                        return False
                    time.sleep(0.05)
        except psycopg.OperationalError:
            return False
        return True

    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        try:
            return psycopg.connect(
                host=str(self.layout.socket_folder),
                port=5432,
                user=cluster.SUPERUSER,
                password=self._password(),
                dbname="postgres",
                autocommit=True,
                connect_timeout=10,
            )
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise EmbeddedPostgresError(
                    f"{self.layout.password_file} is not the database's: put the old file back, or remove {self.layout.home} to begin anew."
                ) from None
            raise

    def _stop(self) -> None:
        self._postmaster.stop()
        if self.layout.has_short_socket_folder:
            shutil.rmtree(self.layout.socket_folder, ignore_errors=True)

    def _password(self) -> str:
        return keys.kept(self.layout.password_file)


def django_settings(data_dir: Path) -> dict[str, Any]:
    """The entry of DATABASES for the server of a data dir. Starts nothing; makes the password when there is none yet.

    Raises:
        ImproperlyConfigured: the password file can't be made or read.
    """
    layout = Layout(data_dir.absolute())
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": DATABASE,
        "USER": ROLE,
        "PASSWORD": keys.kept(layout.password_file),
        "HOST": str(layout.socket_folder),
        "PORT": "5432",
    }
