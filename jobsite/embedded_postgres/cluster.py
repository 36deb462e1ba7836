"""Making the database folder: whole, or not at all."""

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from jobsite.embedded_postgres.account import Account
from jobsite.embedded_postgres.binaries import MAJOR_VERSION
from jobsite.embedded_postgres.errors import EmbeddedPostgresError
from jobsite.embedded_postgres.layout import Layout

SUPERUSER = "postgres"
_DRAFTS = ".postgres.draft-"


def ensure(layout: Layout, *, account: Account, programs: Path, password: str, durable: bool) -> None:
    """Make the cluster when there is none. Only for a caller that holds the lock.

    Args:
        account: who owns the cluster and will serve it.
        programs: folder of `initdb`.
        password: of the superuser.
        durable: wait until the new files are on disk.

    Raises:
        EmbeddedPostgresError: initdb failed, or the cluster there is of another major version.
    """
    if layout.cluster.exists():
        _refuse_other_versions(layout)
        return
    _remove_drafts(layout.data_dir)
    draft = Path(tempfile.mkdtemp(prefix=_DRAFTS, dir=layout.data_dir))
    try:
        _initdb(draft, account=account, programs=programs, password=password, durable=durable)
        # Renamed when it is whole: a kill in the middle leaves a draft, never half a database.
        draft.rename(layout.home)
    except OSError as error:
        raise EmbeddedPostgresError(f"The database can't be made in {layout.data_dir}: {error.strerror}.") from None
    finally:
        _remove_drafts(layout.data_dir)


def _refuse_other_versions(layout: Layout) -> None:
    try:
        version = (layout.cluster / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise EmbeddedPostgresError(f"{layout.cluster} is not a PostgreSQL database folder: {error.strerror}.") from None
    if version != MAJOR_VERSION:
        raise EmbeddedPostgresError(
            f"{layout.cluster} was made by PostgreSQL {version}, this is {MAJOR_VERSION}:"
            f" dump it with {version} and load it here, or remove {layout.home}."
        )


def _initdb(draft: Path, *, account: Account, programs: Path, password: str, durable: bool) -> None:
    cluster = draft / "cluster"
    password_file = draft / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    for path in (cluster, draft / "socket"):
        path.mkdir(mode=0o700)
        account.own(path)
    account.own(password_file)
    # Last: from here on everything in it is the account's to move about.
    account.own(draft)
    command: list[str | Path] = [
        programs / "initdb",
        "--pgdata={here}",
        "--pwfile={here}/../password",
        f"--username={SUPERUSER}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        # Sorts by code point and folds case by Unicode, the same on every operating system and after every upgrade of it.
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--data-checksums",
        "--no-instructions",
        *([] if durable else ["--no-sync"]),
    ]
    with account.spawn(command, inside=cluster, output=subprocess.PIPE, dies_with_us=signal.SIGKILL) as initdb:
        output = initdb.communicate()[0].decode(errors="replace")
    if initdb.returncode:
        faults = [line for line in output.splitlines() if "error" in line or "FATAL" in line or "could not" in line]
        raise EmbeddedPostgresError(
            f"The database can't be made in {draft.parent}: {(faults or output.splitlines() or ['initdb failed'])[0].strip()}"
        )
    password_file.unlink()


def _remove_drafts(data_dir: Path) -> None:
    for leftover in data_dir.glob(f"{_DRAFTS}*"):
        shutil.rmtree(leftover, ignore_errors=True)
