"""gunicorn's configuration: threads for requests that wait for the database, kept connections for orchestrators."""

import os
import signal
from pathlib import Path
from types import FrameType
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")

from django.conf import settings

_host = os.environ.get("JOBSITE_BIND") or "127.0.0.1"
bind = f"[{_host}]:{os.environ.get('PORT') or 8000}" if ":" in _host else f"{_host}:{os.environ.get('PORT') or 8000}"
wsgi_app = "jobsite.wsgi"
# gthread, with its errors as JSON.
worker_class = "jobsite.worker.Worker"
workers = settings.WEB_PROCESSES
threads = settings.WEB_THREADS
# Existing orchestrators resend a report's body only over a connection that stayed open; they poll at most every 100 s.
keepalive = 100
# A report waits up to 20 s for a database that is away; a worker that stops lets it.
graceful_timeout = 25
timeout = 60
# The pool's threads would not survive a fork.
preload_app = False
# A worker's sign of life must not wait for a slow disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# Otherwise gunicorn opens a socket of its own in the home folder.
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """Lets a worker say that it is alive, and, when told to stop, answer its long polls at once, not when their time is over."""
    from jobs import watch
    from orchestration_api import waiting

    watch.start_signing()

    stop = signal.getsignal(signal.SIGTERM)

    def stop_waiting_too(number: int, frame: FrameType | None) -> None:
        waiting.stop()
        watch.stop_signing()
        if callable(stop):
            stop(number, frame)

    signal.signal(signal.SIGTERM, stop_waiting_too)
