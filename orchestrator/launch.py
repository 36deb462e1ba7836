"""Becomes a script: gives up root, ties its life to the orchestrator's, then execs. A program of its own, standard library only.

    python -I -S launch.py REPORT_FD <specification as JSON on stdin>

Why not `preexec_fn`: it runs Python between fork and exec of a process with many threads, which may deadlock. Why the specification comes
on stdin: the environment is the payload's, and LD_PRELOAD in it must not reach a process that is still root. What goes wrong is written
to REPORT_FD as JSON `{"category", "message"}`; when the exec succeeds, the descriptor closes without a word.
"""

import ctypes
import errno
import json
import os
import signal
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def main() -> int:
    """Read the specification and exec; returns only when that failed."""
    report_fd = int(sys.argv[1])
    os.set_inheritable(report_fd, False)
    specification = json.load(sys.stdin.buffer)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    try:
        _settle_into(specification)
        problem = _exec(specification)
    except Exception as failure:
        # Whatever it is, it must not look like the script's own exit.
        problem = {"category": "system", "message": f"can't start the script: {failure}"}
    os.write(report_fd, json.dumps(problem).encode())
    return 127


def _settle_into(specification: dict[str, Any]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if specification["user"] is not None:
        uid, gid = specification["user"]
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        # No setuid program may give back what was just given up.
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # After the change of user, which clears it. It follows the thread that started this process, so that thread waits for it to end.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != specification["parent"]:
        os.kill(os.getpid(), signal.SIGKILL)
    os.chdir(specification["folder"])
    # Python ignores SIGPIPE, a shell's background jobs ignore SIGINT, nohup SIGHUP; and an exec hands ignored signals on.
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _exec(specification: dict[str, Any]) -> dict[str, str]:
    command: list[str] = specification["command"]
    # Looked for as the script's user, who may not reach all of root's PATH, and in the orchestrator's PATH, not in the payload's.
    for folder in specification["path"].split(os.pathsep):
        try:
            os.execve(os.path.join(folder or ".", command[0]), command, specification["environment"])  # noqa: S606 - that's what it is for.
        except OSError as problem:
            if problem.errno == errno.E2BIG:
                return {"category": "configuration", "message": "payload.environment is larger than this system lets a process have"}
            if problem.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
                raise
    return {"category": "configuration", "message": f"{command[0]} is not installed here"}


if __name__ == "__main__":
    sys.exit(main())
