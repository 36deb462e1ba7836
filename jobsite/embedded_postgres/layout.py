"""Where each thing of an embedded server lies, derived from the data dir alone."""

import hashlib
import os
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jobsite.embedded_postgres.account import Account
from jobsite.embedded_postgres.errors import EmbeddedPostgresError

SOCKET_NAME = ".s.PGSQL.5432"
# The kernel takes 107 bytes for a socket's path; its name and some room for a lock file's suffix come off.
LONGEST_SOCKET_FOLDER = 90


@dataclass(frozen=True)
class Layout:
    """The files of the server whose data dir this is."""

    data_dir: Path

    @cached_property
    def home(self) -> Path:
        """The only folder that belongs to the server's account."""
        return self.data_dir / "postgres"

    @cached_property
    def cluster(self) -> Path:
        return self.home / "cluster"

    @cached_property
    def pid_file(self) -> Path:
        return self.cluster / "postmaster.pid"

    @cached_property
    def password_file(self) -> Path:
        return self.data_dir / "postgres-password"

    @cached_property
    def log(self) -> Path:
        # Beside the account's folder, not in it: as root we open it, and must not be led elsewhere by a link.
        return self.data_dir / "postgres.log"

    @cached_property
    def lock(self) -> Path:
        return self.data_dir / "postgres.lock"

    @cached_property
    def users(self) -> Path:
        return self.data_dir / "postgres.users"

    @cached_property
    def socket_folder(self) -> Path:
        """Where clients find the socket. Always the same for one data dir, whatever the process that asks."""
        inside = self.home.resolve() / "socket"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_FOLDER:
            return inside
        # /tmp rather than TMPDIR: two processes with different TMPDIR must agree.
        return Path("/tmp", f"jobsite-{hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]}")  # noqa: S108 - see make_socket_folder

    @property
    def has_short_socket_folder(self) -> bool:
        return not self.socket_folder.is_relative_to(self.home.resolve())

    def make_socket_folder(self, account: Account) -> str:
        """Make sure that the socket's folder exists and is the account's alone.

        Returns:
            The folder as the server reaches it: relative to the cluster, or the short one's whole path.

        Raises:
            EmbeddedPostgresError: somebody else made the short folder first.
        """
        folder = self.socket_folder
        try:
            folder.mkdir(mode=0o700)
            account.own(folder)
        except FileExistsError:
            # The name can be guessed and /tmp is everyone's: believe only what we see, without following a link.
            facts = folder.lstat()
            if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != account.uid or stat.S_IMODE(facts.st_mode) != 0o700:
                raise EmbeddedPostgresError(f"{folder} is not a folder of user {account.name} with mode 0700: remove it.") from None
        except OSError as error:
            raise EmbeddedPostgresError(f"{folder} can't be made: {error.strerror}.") from None
        return str(folder) if self.has_short_socket_folder else "../socket"
