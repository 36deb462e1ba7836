"""The last figures in README.md, with the command that made them."""

import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- the last figures: bin/bench --write -->", "<!-- end of the last figures -->"


def write(table: str, *, rounds: int, on: Mapping[str, object]) -> None:
    """Puts a table where the last one was.

    Args:
        on: the surroundings.
    """
    command = shlex.join(["bin/bench", *sys.argv[1:]])
    where = f"{on['cores']} cores, {on['system']}, PostgreSQL {on['postgresql']}, Python {on['python']}"
    said = f"`{command}`, {datetime.now(UTC):%Y-%m-%d}, commit {on['commit']}, {where}; medians of {rounds} rounds, with quartiles:"
    before, _, rest = README.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{said}\n\n{table}\n{END}{after}")
