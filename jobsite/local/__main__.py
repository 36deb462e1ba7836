"""`python -m jobsite.local`, which is what bin/run calls in the checkout: one run, or one line that says why not."""

import fcntl
import os
import signal
import sys
import threading
from pathlib import Path
from typing import IO

from django.core.exceptions import ImproperlyConfigured

from jobsite.embedded_postgres import EmbeddedPostgresError
from jobsite.local.configuration import ConfigurationError, read_configuration, refuse_unreachable_database, refuse_unwritable
from jobsite.local.supervisor import CannotRun, Supervisor


def main() -> int:
    """Returns:
    The exit code: 0 after a stop that was asked for, 1 after a line on stderr.
    """
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")
    try:
        configuration = read_configuration()
        refuse_unwritable(configuration.data_dir)
        with _only_run(configuration.data_dir):
            configuration.refuse_port_in_use()
            if not configuration.embedded:
                refuse_unreachable_database()
            Supervisor(configuration, stopping=stopping).run()
    except (ImproperlyConfigured, ConfigurationError, EmbeddedPostgresError, CannotRun) as error:
        print(f"bin/run: {error}", file=sys.stderr)  # noqa: T201 - this is the program's output
        return 1
    return 0


def _only_run(data_dir: Path) -> IO[str]:
    """An open file whose lock says that this data dir has its run; the kernel takes the lock back however we end."""
    file = (data_dir / "run.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        who = file.read().strip() or "unknown"
        raise ConfigurationError(
            f"JOBSITE_DATA_DIR: {data_dir} is in use by another bin/run (process {who}): stop that one, or name another folder."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


if __name__ == "__main__":
    sys.exit(main())
