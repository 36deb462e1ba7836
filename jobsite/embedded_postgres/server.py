"""The life cycle of one local PostgreSQL: start, serve, stop."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from jobsite import keys
from jobsite.embedded_postgres import cluster, locks
from jobsite.embedded_postgres.account import Account, account_for
from jobsite.embedded_postgres.binaries import programs_for
from jobsite.embedded_postgres.errors import EmbeddedPostgresError
from jobsite.embedded_postgres.layout import SOCKET_NAME, Layout

ROLE = DATABASE = "jobsite"
_START_WITHIN_SECONDS = 120.0  # replaying the log after a crash counts in
_STOP_WITHIN_SECONDS = 10.0
_LARGEST_LOG = 8 * 1024 * 1024

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0600",
    "max_connections": "100",
    # For two cores and a small machine; planning with jit costs more than these short statements.
    "shared_buffers": "128MB",
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
    """

    def __init__(self, data_dir: Path, *, durable: bool = True, dies_with_us: bool = False) -> None:
        self.layout = Layout(data_dir.absolute())
        self._durable = durable
        self._dies_with_us = dies_with_us
        self._users = locks.SharedHold(self.layout.users)
        self._postmaster: subprocess.Popen[bytes] | None = None

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
        if not self.layout.lock.exists():
            return
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
        """Whether a server listens on our socket: nobody else can, the folder is its account's alone."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(2)
            try:
                probe.connect(str(self.layout.socket_folder / SOCKET_NAME))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except OSError as error:
                raise EmbeddedPostgresError(f"{self.layout.socket_folder} can't be reached: {error.strerror or error}.") from None
        return True

    @property
    def pid(self) -> int:
        """The process id of the running server's postmaster.

        Raises:
            EmbeddedPostgresError: it is not running.
        """
        lines = self._pid_file_lines()
        if not lines or not self.is_running():
            raise EmbeddedPostgresError(f"No PostgreSQL runs in {self.layout.data_dir}.")
        return int(lines[0])

    def url(self, database: str = DATABASE) -> str:
        """The address of a database for DATABASE_URL, psql or psycopg; it holds the password."""
        return f"postgresql://{ROLE}:{self._password()}@/{quote(database)}?host={quote(str(self.layout.socket_folder))}"

    def _start(self) -> bool:
        account = account_for(self.layout.home)
        if self.is_running() and self._status() != "stopping" and self._await_ready() and self._answers():
            return False
        self._await_end(within_seconds=_STOP_WITHIN_SECONDS)
        programs = programs_for(account)
        cluster.ensure(self.layout, account=account, programs=programs, password=self._password(), durable=self._durable)
        try:
            self._spawn(account, programs)
            self._ensure_database()
        except BaseException as error:
            self._stop()
            if isinstance(error, psycopg.Error):
                raise EmbeddedPostgresError(f"PostgreSQL can't be set up: {' '.join(str(error).split())}") from None
            raise
        return True

    def _spawn(self, account: Account, programs: Path) -> None:
        settings = _SETTINGS | (_DURABLE if self._durable else _FAST) | {"unix_socket_directories": self.layout.make_socket_folder(account)}
        command: list[str | Path] = [
            programs / "postgres",
            "-D",
            "{here}",
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ]
        deadline = time.monotonic() + _START_WITHIN_SECONDS
        while True:
            with self._log() as log:
                said_before = log.tell()
                try:
                    self._postmaster = account.spawn(
                        command, inside=self.layout.cluster, output=log, dies_with_us=signal.SIGINT if self._dies_with_us else None
                    )
                except OSError as error:
                    raise EmbeddedPostgresError(f"PostgreSQL can't be started in {self.layout.cluster}: {error.strerror}.") from None
            if self._await_ready():
                return
            fault = self._last_fault(since=said_before)
            # After a kill -9 of the server its children need a moment to notice; until then the new one refuses.
            if "still in use" not in fault or time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"PostgreSQL does not start: {fault} ({self.layout.log})")
            time.sleep(0.1)

    def _log(self) -> Any:
        try:
            if self.layout.log.exists() and self.layout.log.stat().st_size > _LARGEST_LOG:
                self.layout.log.replace(self.layout.log.with_suffix(".log.1"))
            descriptor = os.open(self.layout.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise EmbeddedPostgresError(f"JOBSITE_DATA_DIR: {self.layout.log} can't be written: {error.strerror}.") from None
        os.lseek(descriptor, 0, os.SEEK_END)
        return os.fdopen(descriptor, "ab")

    def _await_ready(self) -> bool:
        """True when the server takes connections, False when the one we started has ended."""
        deadline = time.monotonic() + _START_WITHIN_SECONDS
        while time.monotonic() < deadline:
            if self._postmaster and self._postmaster.poll() is not None:
                return False
            if self._status() == "ready" and self.is_running():
                return True
            time.sleep(0.01)
        raise EmbeddedPostgresError(f"PostgreSQL does not take connections after {_START_WITHIN_SECONDS:.0f} s, see {self.layout.log}.")

    def _status(self) -> str:
        """What the postmaster says of itself in the last line of its pid file: starting, ready, stopping; or nothing."""
        lines = self._pid_file_lines()
        return lines[7].strip() if len(lines) > 7 else ""

    def _pid_file_lines(self) -> list[str]:
        try:
            return self.layout.pid_file.read_text().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise EmbeddedPostgresError(f"{self.layout.pid_file} can't be read: {error.strerror}.") from None

    def _last_fault(self, *, since: int) -> str:
        with self.layout.log.open("rb") as log:
            log.seek(since)
            lines = log.read().decode(errors="replace").splitlines()
        faults = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
        text = (faults or lines or ["it said nothing"])[-1]
        return text.rpartition("FATAL:")[2].rpartition("PANIC:")[2].strip()

    def _ensure_database(self) -> None:
        with self._connection() as connection:
            # Not a superuser: the application's own role can't lift the guards of the audit log. It makes databases for the tests.
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone() is None:
                role = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(self._password()))
                connection.execute(role)
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(ROLE)))

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

    def _answers(self) -> bool:
        # The kernel still takes connections for a server that was killed a moment ago; only a login proves that it lives.
        try:
            self._connection().close()
        except psycopg.OperationalError:
            return False
        return True

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

    def _stop(self) -> None:
        if self.is_running():
            pid = self.pid
            # Fast, then at once, then by force: after either of the last two it recovers at the next start.
            for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                os.kill(pid, how)
                if self._await_end(within_seconds=_STOP_WITHIN_SECONDS):
                    break
            else:
                raise EmbeddedPostgresError(f"PostgreSQL (process {pid}) does not stop.")
        if self._postmaster:
            self._postmaster.wait()
            self._postmaster = None
        if self.layout.has_short_socket_folder and self.layout.socket_folder.is_dir():
            shutil.rmtree(self.layout.socket_folder, ignore_errors=True)

    def _await_end(self, *, within_seconds: float) -> bool:
        deadline = time.monotonic() + within_seconds
        while self.is_running() or (self._status() and self._is_ours_alive()):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def _is_ours_alive(self) -> bool:
        return self._postmaster is not None and self._postmaster.poll() is None

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
