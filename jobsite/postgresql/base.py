import time
from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool, PoolTimeout

from jobs import durability, loaders, loops
from jobsite.sockets import has_something_to_read

# A connection that has rested for so long is asked whether it still leads anywhere. One that is in use is only looked at: asking would be
# a round trip more for every request, on a busy server, too.
RESTED_SECONDS = 1.0


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection from the pool that leads to the database; while that is away, waits for it.

        Raises:
            PoolTimeout: it has not come back within DATABASE_PATIENCE_SECONDS, or the loop that would use it is told to stop meanwhile.
        """
        give_up_at = time.monotonic() + settings.DATABASE_PATIENCE_SECONDS
        while True:
            try:
                connection = super().get_new_connection(conn_params)
                if _lives(connection):
                    return connection
                # The pool makes a new one in its place.
                connection.close()
                self.pool.putconn(connection)
            except PoolTimeout:
                if time.monotonic() >= give_up_at or loops.is_told_to_stop():
                    raise

    def prepare_database(self) -> None:
        """For a migration, which asks for this: large tables take their time. (It still waits for no lock for long.)"""
        super().prepare_database()
        with self.cursor() as cursor:
            cursor.execute("set statement_timeout = 0")

    def _close(self) -> None:
        if self.connection is not None:
            self.connection.rests_since = time.monotonic()
        super()._close()  # type: ignore[misc]  # not in the stubs

    def _configure_connection(self, connection: Any) -> bool:
        # Called once for each connection of the pool.
        connection.add_notice_handler(durability.hear)
        loaders.register(connection)
        done: bool = super()._configure_connection(connection)  # type: ignore[misc]  # not in the stubs
        return done


def _lives(connection: Any) -> bool:
    rests_since = getattr(connection, "rests_since", None)
    has_rested = rests_since is not None and time.monotonic() - rests_since >= RESTED_SECONDS
    # What comes unasked is that the server ends it, as a rule.
    if not (has_rested or has_something_to_read(connection.fileno())):
        return True
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True
