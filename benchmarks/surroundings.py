"""What figures are of: the commit, the machine, the versions."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

from benchmarks.scratch import execute

_REPOSITORY = Path(__file__).resolve().parents[1]
_PACKAGES = ("django", "djangorestframework", "gunicorn", "msgspec", "psycopg")


def surroundings() -> dict[str, object]:
    """As they stand in each JSON line; asks the database in use for its version."""
    return {
        "commit": _commit(),
        "cores": os.cpu_count(),
        "memoryMiB": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "postgresql": str(execute("show server_version")[0][0]).partition(" ")[0],
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def _commit() -> str | None:
    """The commit that is measured, with a + where files differ from it; None outside a checkout."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        told = subprocess.run(command, cwd=_REPOSITORY, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    return told.stdout.strip()
