import time
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base
from psycopg_pool import PoolTimeout

from jobs import durability


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection from the pool; while the database is away, waits for it.

        Raises:
            PoolTimeout: it has not come back within DATABASE_PATIENCE_SECONDS.
        """
        give_up_at = time.monotonic() + settings.DATABASE_PATIENCE_SECONDS
        while True:
            try:
                return super().get_new_connection(conn_params)
            except PoolTimeout:
                if time.monotonic() >= give_up_at:
                    raise

    def _configure_connection(self, connection: Any) -> bool:
        # Called once for each connection of the pool.
        connection.add_notice_handler(durability.hear)
        done: bool = super()._configure_connection(connection)  # type: ignore[misc]  # not in the stubs
        return done
