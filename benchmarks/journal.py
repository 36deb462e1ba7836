"""What was measured, one JSON line each, with what it was measured on."""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TextIO

from benchmarks.measurements import Measurement, Unmeasured
from benchmarks.scratch import execute

_REPOSITORY = Path(__file__).resolve().parents[1]
_PACKAGES = ("django", "djangorestframework", "gunicorn", "msgspec", "psycopg")


@dataclass
class Journal:
    """An open file of JSON lines."""

    file: TextIO

    @classmethod
    @contextmanager
    def at(cls, path: Path | None) -> Iterator["Journal"]:
        """A new file, its folder made when it is missing; None writes to stdout."""
        if path is None:
            yield cls(sys.stdout)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            yield cls(file)

    def write(self, told: Measurement | Unmeasured, *, suite: str, round_number: int) -> None:
        line = {"at": datetime.now(UTC).isoformat(), "suite": suite, "round": round_number, **asdict(told), "on": self._surroundings}
        self.file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.file.flush()

    @cached_property
    def _surroundings(self) -> dict[str, object]:
        return {
            "commit": _commit(),
            "cores": os.cpu_count(),
            "memoryMiB": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "python": platform.python_version(),
            "postgresql": str(execute("show server_version")[0][0]),
            **{name: importlib.metadata.version(name) for name in _PACKAGES},
        }


def _commit() -> str | None:
    """The commit that is measured, with a + where files differ from it; None outside a checkout."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],  # noqa: S607  the caller's git
            cwd=_REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return told.stdout.strip()
