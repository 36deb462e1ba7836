#!/usr/bin/env python
"""Commands of jobsite. Without DATABASE_URL the embedded PostgreSQL is up while a command runs that needs it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

from jobsite.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError

# They read no row. Everything else may, so the server is started for it.
WITHOUT_DATABASE = {
    "check", "collectstatic", "diffsettings", "findstatic", "makemessages", "compilemessages", "makemigrations", "spectacular", "startapp",
}  # fmt: skip
ABOUT_ITSELF = {"help", "--help", "-h", "version", "--version"}


def main(arguments: list[str]) -> None:
    """Run one command, as `python manage.py` does. Exits 1 with one line when settings or database are at fault."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")
    # So that a terminated command, too, leaves no server behind. Commands with a better answer to SIGTERM set their own.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    command = arguments[1] if len(arguments) > 1 else "help"
    try:
        if command in ABOUT_ITSELF or {"--help", "-h"} & set(arguments):
            execute_from_command_line(arguments)
        elif command in WITHOUT_DATABASE and "--database" not in arguments:
            _leave_database_alone()
            execute_from_command_line(arguments)
        else:
            with _database():
                execute_from_command_line(arguments)
    except (ImproperlyConfigured, EmbeddedPostgresError) as error:
        sys.exit(str(error))
    except OperationalError as error:
        if "--traceback" in arguments:
            raise
        sys.exit(f"The database can't be used: {' '.join(str(error).split())}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _leave_database_alone() -> None:
    from django.conf import settings

    # makemigrations compares with the applied migrations where there is a database, and waits for one that is down.
    if not os.environ.get("DATABASE_URL"):
        settings.DATABASES["default"] = {"ENGINE": "django.db.backends.dummy"}


@contextmanager
def _database() -> Iterator[None]:
    from django.conf import settings

    if settings.PRODUCTION or os.environ.get("DATABASE_URL"):
        yield
        return
    server = EmbeddedPostgres(settings.DATA_DIR)
    started = server.start()
    try:
        yield
    finally:
        _disconnect()
        # Somebody may have come to rely on the server that we started; it then stays, and the next `bin/run` takes it over.
        if started:
            server.stop_unless_used()


def _disconnect() -> None:
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()


if __name__ == "__main__":
    main(sys.argv)
