"""Where scripts run and unsent output waits: folders that belong to one orchestrator, one process at a time."""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import pwd
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from orchestrator.script import Script
from orchestrator.strays import kill_strays

log = logging.getLogger(__name__)

LOCK = "lock"


class ScratchUnusable(Exception):
    """The orchestrator can't have its folders; the message says why and what to do."""


@dataclass(frozen=True)
class User:
    """Whom scripts run as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class ScriptFolder:
    """One script's own folder: its home, its temporary folder, its working directory."""

    path: Path
    script_file: Path
    input_file: Path


def unprivileged_user(name: str) -> User | None:
    """The user that scripts run as: None, meaning this process's own, unless this process is root.

    Raises:
        ScratchUnusable: there is no such user, or it is root itself.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise ScratchUnusable(f"there is no user {name!r} to run scripts as: name another with --run-as") from None
    if entry.pw_uid == 0:
        raise ScratchUnusable("scripts never run as root: name another user with --run-as")
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid)


class Scratch:
    """The folders of one orchestrator. `prepare()` takes them for this process, `close()` gives them back."""

    def __init__(self, *, parent: Path | None, url: str, orchestrator_id: str, user: User | None) -> None:
        """Args: `parent`: where the folder is made; None, or one that `user` can't reach: the system's temporary folder."""
        self._user = user
        self._lock: int | None = None
        # The same name again after a crash, another for the same id at another server.
        readable = re.sub(r"[^A-Za-z0-9._-]", "_", orchestrator_id)[:40]
        name = f"orchestrator-{readable}-{hashlib.sha256(f'{url} {orchestrator_id}'.encode()).hexdigest()[:8]}"
        if parent is not None and user is not None and not _reachable(parent, user):
            log.warning("%s can't reach %s; scripts run in the system's temporary folder instead", user.name, parent)
            parent = None
        self.base = parent / name if parent is not None else Path(tempfile.gettempdir()) / f"jobsite-{os.geteuid()}-{name}"
        self.spool_folder = self.base / "spool"
        self._scripts = self.base / "scripts"

    def prepare(self) -> None:
        """Make the folders, make sure that nobody else uses them, and end what a killed predecessor left running.

        Raises:
            ScratchUnusable: another process has the same id, or the folders can't be made or are not ours.
        """
        try:
            while self._lock is None:
                self.base.mkdir(mode=0o711, parents=True, exist_ok=True)
                # A predecessor that is closing may take the folder away under our feet: then we make it anew.
                with contextlib.suppress(FileNotFoundError):
                    self._lock = self._locked()
            for folder, mode in ((self.spool_folder, 0o700), (self._scripts, 0o711)):
                folder.mkdir(mode=mode, exist_ok=True)
                folder.chmod(mode)  # The umask may have taken the others' way through.
            self.base.chmod(0o711)
        except BlockingIOError:
            raise ScratchUnusable("another orchestrator with this id is running here: give each its own with --id") from None
        except OSError as problem:
            raise ScratchUnusable(f"can't use {self.base}: {problem}; name another folder with --scratch") from problem
        self._clear_leftovers()

    def make_folder(self, job_id: str, script: Script) -> ScriptFolder:
        """Make one script's folder with its files in it. Raises OSError."""
        path = Path(tempfile.mkdtemp(prefix=re.sub(r"[^A-Za-z0-9._-]", "_", job_id)[:60] + ".", dir=self._scripts))
        folder = ScriptFolder(path, path / script.language.file_name, path / "input.json")
        try:
            folder.script_file.write_bytes(script.content.encode("utf-8", "replace"))
            folder.input_file.write_text(json.dumps(script.input_values), encoding="utf-8")
            if self._user is not None:
                for each in (folder.script_file, folder.input_file, path):
                    os.chown(each, self._user.uid, self._user.gid)
        except OSError:
            self.remove_folder(path)
            raise
        return folder

    def remove_folder(self, path: Path) -> None:
        """Remove a script's folder and all in it."""
        if os.geteuid() != 0:
            # A script may have made folders that their owner can't empty. Root can, and must not follow a link that a script has laid.
            _make_writable(path)
        shutil.rmtree(path, ignore_errors=True)
        if path.exists():
            log.warning("can't remove all of %s", path)

    def close(self) -> None:
        """Let another process have the folders; removes them when nothing is left in them."""
        if self._lock is None:
            return
        for folder in (self.spool_folder, self._scripts):
            with contextlib.suppress(OSError):
                folder.rmdir()
        if {path.name for path in self.base.iterdir()} == {LOCK}:
            # Still ours until it is closed. Whoever has opened it by now sees in _locked() that it is nobody's any more, and makes another;
            # if that is there at once, the folder stays.
            (self.base / LOCK).unlink()
            with contextlib.suppress(OSError):
                self.base.rmdir()
        os.close(self._lock)
        self._lock = None

    def _locked(self) -> int | None:
        """The descriptor of the lock file, locked; None when that file was taken away meanwhile. Raises OSError and ScratchUnusable."""
        found = self.base.lstat()
        # Anybody may make a folder of this name in /tmp before us.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise ScratchUnusable(f"{self.base} is not a folder of this user's alone: remove it, or name another with --scratch")
        lock = os.open(self.base / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A lock on a file that no longer has its name keeps nobody out.
            if os.path.samestat(os.fstat(lock), (self.base / LOCK).stat()):
                return lock
        except OSError:
            os.close(lock)
            raise
        os.close(lock)
        return None

    def _clear_leftovers(self) -> None:
        for path in self._scripts.iterdir():
            killed = kill_strays(path / "input.json")
            log.warning("removing %s, left behind by a killed orchestrator (%d processes of it were still running)", path.name, killed)
            self.remove_folder(path)


def _make_writable(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.chmod(0o700)
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                _make_writable(Path(entry.path))


def _reachable(folder: Path, user: User) -> bool:
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    return all(_may_pass(each.stat(), user) for each in (existing.resolve(), *existing.resolve().parents))


def _may_pass(found: os.stat_result, user: User) -> bool:
    if found.st_uid == user.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == user.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
