"""The last figures in README.md, with the command that made them."""

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- the last figures: bin/bench --write -->", "<!-- end of the last figures -->"


def write(table: str, *, rounds: int) -> None:
    """Puts a table where the last one was."""
    command = shlex.join(["bin/bench", *sys.argv[1:]])
    machine = f"{os.cpu_count()} cores of {platform.machine()}, {platform.system()} {platform.release()}"
    said = f"`{command}`, {datetime.now(UTC):%Y-%m-%d}, {machine}; medians of {rounds} rounds, with quartiles:"
    before, _, rest = README.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{said}\n\n{table}\n{END}{after}")
