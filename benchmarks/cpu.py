"""Time on a core, of whole families of processes: what neighbours on the machine move little, unlike the clock."""

import os
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """How long a process and its children have run on a core, those included that have ended (Linux only)."""
    from tests.server import children_of

    # proc_pid_stat(5): utime, stime, and cutime, cstime of the children that it has waited for.
    return sum(sum(_ticks(each)) for each in (pid, *children_of(pid))) / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> list[int]:
    try:
        # The name of the program stands in brackets and may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        # It has ended since its parent was asked: what it ran is with that one now, or soon.
        return []
    return [int(field) for field in fields[11:15]]
