"""Children that don't outlive us: the kernel signals them when we die, even by SIGKILL (Linux; elsewhere nothing happens)."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # prctl(2)


def on_our_death(number: signal.Signals) -> Callable[[], None] | None:
    """What a child calls between fork and exec, Popen's `preexec_fn`, to get this signal when the thread that started it ends.

    A change of user clears it, so the child must call it afterwards; Popen does.
    """
    if sys.platform != "linux":
        return None
    # Loaded here, not in the child: between fork and exec only the call itself is safe.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask
