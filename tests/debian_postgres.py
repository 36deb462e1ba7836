"""`python -m tests.debian_postgres COMMAND…`: run a command with JOBSITE_TEST_DATABASE_URL naming a PostgreSQL 15 of Debian's, made for it.

15 is the oldest release that jobsite supports. Installs the package when it is missing, and fails where it can't.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from jobsite.embedded_postgres.account import account_for

PROGRAMS = Path("/usr/lib/postgresql/15/bin")


def main(command: list[str]) -> int:
    """Returns:
    The command's exit code.
    """
    if not (PROGRAMS / "postgres").exists():
        install()
    with tempfile.TemporaryDirectory(prefix="jobsite-15-") as folder, serving(Path(folder)) as url:
        return subprocess.run(command, env={**os.environ, "JOBSITE_TEST_DATABASE_URL": url}).returncode


def install() -> None:
    """Raises:
    SystemExit: apt is missing or refuses; the tests on 15 are not skipped in silence.
    """
    as_root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-qq", "--yes", "--no-install-recommends", "postgresql-15"]):
        try:
            subprocess.run([*as_root, "apt-get", *arguments], env=environment, stdout=subprocess.DEVNULL, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"PostgreSQL 15 is not in {PROGRAMS} and can't be installed, so nothing was tested on it: {error}")


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A server without durability in the folder; yields the address of its database."""
    # By its path: PostgreSQL 15 leaves its working directory while it looks for itself, and could not come back to a closed one.
    folder.chmod(0o711)
    home = folder / "postgres"
    account = account_for(home)
    for path in (home, home / "cluster"):
        path.mkdir(mode=0o700)
        account.own(path)
    # Trust goes no further than us: the folder of the socket is closed to everyone else.
    make: list[str | Path] = [
        PROGRAMS / "initdb",
        f"--pgdata={home / 'cluster'}",
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    ]
    with account.spawn(make, inside=home, output=subprocess.PIPE) as initdb:
        said = initdb.communicate()[0].decode(errors="replace")
    if initdb.returncode:
        sys.exit(f"PostgreSQL 15 makes no database: {said}")
    settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", f"unix_socket_directories={home}"]
    serve: list[str | Path] = [PROGRAMS / "postgres", "-D", home / "cluster", *(word for setting in settings for word in ("-c", setting))]
    with (folder / "log").open("wb") as log:
        server = account.spawn(serve, inside=home / "cluster", output=log, dies_with_us=signal.SIGINT)
    try:
        with closing(_connection(home, patience_seconds=30)) as connection:
            connection.execute("CREATE ROLE jobsite LOGIN CREATEDB")
            connection.execute("CREATE DATABASE jobsite OWNER jobsite")
        yield f"postgresql://jobsite@/jobsite?host={home}"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def _connection(home: Path, *, patience_seconds: float) -> psycopg.Connection[tuple[object, ...]]:
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            return psycopg.connect(host=str(home), user="postgres", dbname="postgres", autocommit=True)
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                sys.exit(f"PostgreSQL 15 does not start: {error}")
            time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
