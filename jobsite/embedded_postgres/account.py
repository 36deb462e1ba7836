"""Who the server runs as: ourselves, or an unprivileged account when we are root.

As root the folders above the data dir are often closed to everyone else (/root, a folder of mkdtemp), so the account could never reach
the database by its path. The server is therefore started *inside* it: Linux lets a process keep a working directory that its path would no
longer lead to, and `/proc/self/cwd` names it. That keeps the database in the data dir wherever that is.
"""

import os
import pwd
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from jobsite.death_signal import on_our_death
from jobsite.embedded_postgres.errors import EmbeddedPostgresError

# `nobody` comes last: the local orchestrator runs the scripts of jobs as that user, who should not own the database.
CANDIDATES = ("postgres", "daemon", "nobody")


@dataclass(frozen=True)
class Account:
    """The user a server process runs as; `switches` is true when that is not who we are."""

    uid: int
    gid: int
    name: str
    switches: bool

    def own(self, path: Path) -> None:
        """Give a file or folder that we just made to the account."""
        if self.switches:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def spawn(
        self, command: list[str | Path], *, inside: Path, output: IO[Any] | int, dies_with_us: signal.Signals | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program as the account, in a session of its own.

        Args:
            command: program and arguments; a `{here}` in them becomes the name under which the account reaches `inside`.
            inside: its working directory; only we need to be able to enter it.
            output: a file, or subprocess.PIPE, for stdout and stderr.
            dies_with_us: the signal that the kernel sends it when the thread that called us ends, however that happens (Linux only).

        Raises:
            OSError: it can't be executed.
        """
        here = "/proc/self/cwd" if self.switches and sys.platform == "linux" else str(inside)
        # Nothing of our environment: a PGDATA or PGOPTIONS of the caller's must not reach the server, and our secrets are not its business.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        identity: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switches else {}
        return subprocess.Popen(  # noqa: S603 - our own command line
            [str(word).replace("{here}", here) for word in command],
            cwd=inside,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
            # Called after the change of user, which would have cleared it.
            preexec_fn=on_our_death(dies_with_us) if dies_with_us else None,
            **identity,
        )


def account_for(folder: Path) -> Account:
    """The account for the server that keeps its files in `folder`.

    The owner of an existing folder wins: an account that appears later (a package that brings `postgres`) must not lock us out.

    Raises:
        EmbeddedPostgresError: we are not root and the folder is somebody else's, or there is no unprivileged account.
    """
    us = os.geteuid()
    try:
        owner = folder.stat().st_uid
    except FileNotFoundError:
        owner = None
    except OSError as error:
        raise EmbeddedPostgresError(f"{folder} can't be reached: {error.strerror}.") from None
    if us != 0:
        if owner not in (None, us):
            raise EmbeddedPostgresError(
                f"{folder} belongs to {_name(owner)}: run as that user or as root, or set JOBSITE_DATA_DIR to a folder of yours."
            )
        return Account(uid=us, gid=os.getegid(), name=_name(us), switches=False)
    if owner:
        return _of(owner)
    for name in CANDIDATES:
        try:
            return _of(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    raise EmbeddedPostgresError(
        f"PostgreSQL refuses to run as root and there is no user {' or '.join(CANDIDATES)}: make one, or set DATABASE_URL."
    )


def _of(uid: int) -> Account:
    try:
        return Account(uid=uid, gid=pwd.getpwuid(uid).pw_gid, name=_name(uid), switches=True)
    except KeyError:
        return Account(uid=uid, gid=uid, name=str(uid), switches=True)


def _name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid or 0).pw_name
    except KeyError:
        return f"user {uid}"
