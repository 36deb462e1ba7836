"""Ends the processes of a script that left its process group, or outlived the orchestrator. Linux: reads /proc."""

import contextlib
import os
import signal
from pathlib import Path


def kill_strays(input_file: Path) -> int:
    """Kill every process whose environment names this run's input file, which no two runs share.

    A script's descendants inherit its environment, whatever session or group they move to; one that clears that as well gets away.
    A process is pinned before it is looked at, so its number can't be another's by the time of the kill.

    Returns:
        How many were killed.
    """
    mark = b"JOBSITE_INPUT=" + os.fsencode(input_file) + b"\0"
    killed = 0
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        with contextlib.suppress(OSError):  # It has ended meanwhile, or is another user's and so none of ours.
            pinned = os.pidfd_open(int(name))
            try:
                if mark in Path("/proc", name, "environ").read_bytes():
                    signal.pidfd_send_signal(pinned, signal.SIGKILL)
                    killed += 1
            finally:
                os.close(pinned)
    return killed
