"""How the rows of our statements are read, which come in their binary form. (Django's own come as text, and are read its way.)"""

from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.numeric import Int8BinaryLoader

from jobs import numbers


class _JsonbLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> Any:
        # The first byte is the version of the form, 1 since there is one.
        return numbers.read(bytes(data[1:]))


def register(connection: psycopg.Connection[Any]) -> None:
    """Once for each connection: for each cursor it would cost as much as a small statement."""
    connection.adapters.register_loader("jsonb", _JsonbLoader)
    connection.adapters.register_loader("xid8", Int8BinaryLoader)
