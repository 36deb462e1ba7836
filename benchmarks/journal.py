"""What was measured, one JSON line each, with what it was measured on."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from benchmarks.measurements import Measurement, Unmeasured


@dataclass(frozen=True)
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

    def write(self, told: Measurement | Unmeasured, *, suite: str, round_number: int, on: Mapping[str, object]) -> None:
        """
        Args:
            on: the surroundings.
        """
        line = {"at": datetime.now(UTC).isoformat(), "suite": suite, "round": round_number, **asdict(told), "on": on}
        self.file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.file.flush()
