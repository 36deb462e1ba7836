"""`python -m orchestrator`: reads the configuration, minds the signals, runs the worker."""

import ctypes
import logging
import os
import signal
import sys
import threading
from types import FrameType

from orchestrator.client import Client, Refused, Unavailable
from orchestrator.config import read_config
from orchestrator.scratch import Scratch, ScratchUnusable, unprivileged_user
from orchestrator.worker import Worker

log = logging.getLogger("orchestrator")

_PR_SET_DUMPABLE = 4


def main() -> int:
    """Run until told to stop. Returns the exit code: 0 after a stop, 1 when it could not begin."""
    config = read_config()
    logging.basicConfig(level=config.log_level, format="%(asctime)s %(levelname)-7s orchestrator: %(message)s", stream=sys.stderr)
    for library in ("httpx2", "httpcore2"):
        logging.getLogger(library).setLevel(logging.WARNING)
    if sys.platform != "linux":
        log.error("this orchestrator needs Linux: it ties its scripts' lives to its own with pidfds and prctl")
        return 1
    _hide_token()
    try:
        user = unprivileged_user(config.run_as)
        scratch = Scratch(parent=config.scratch, url=config.url, orchestrator_id=config.orchestrator_id, user=user)
        scratch.prepare()
    except ScratchUnusable as problem:
        log.error("%s", problem)
        return 1
    closing = threading.Event()
    with Client(url=config.url, token=config.token, orchestrator_id=config.orchestrator_id, closing=closing) as client:
        worker = Worker(config, client=client, scratch=scratch, user=user, closing=closing)
        _stop_on_signals(worker)
        whom = f"as {user.name}" if user is not None else "as this user"
        log.info(
            "%s at %s: up to %d jobs at once, scripts run %s in %s", config.orchestrator_id, config.url, config.max_jobs, whom, scratch.base
        )
        _tell_of_trouble_with(client, url=config.url)
        worker.run()
    scratch.close()
    log.info("stopped")
    return 0


def _hide_token() -> None:
    """Keep /proc/<pid>/environ, memory and ptrace of this process from its own user's other processes, which the scripts are when not root.

    It can't hide what else that user may read: another process's environment, or a file with the token in it. Only another user is a wall.
    """
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    for name in ("JOBSITE_TOKEN", "INTERNAL_API_KEY"):
        os.environ.pop(name, None)


def _tell_of_trouble_with(client: Client, *, url: str) -> None:
    """One line, before the many of the heart and the poller, when the server can't be used yet. It is no reason to end: it may come up."""
    try:
        client.health()
    except Refused as refusal:
        mend = "set JOBSITE_TOKEN, or INTERNAL_API_KEY, to the server's" if refusal.status in (401, 403) else "is --url right?"
        log.error("%s refuses us: %s; %s", url, refusal, mend)
    except Unavailable as problem:
        log.error("%s can't be reached: %s; it is asked again until it answers", url, problem)


def _stop_on_signals(worker: Worker) -> None:
    def stop(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and worker.stopping.is_set():
            worker.kill_everything()
            os._exit(130)
        worker.stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


if __name__ == "__main__":
    sys.exit(main())
