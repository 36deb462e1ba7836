"""The cast: a real server on a database of the test's own."""

from collections.abc import Iterator

import pytest

from tests.server import Server, running_server


@pytest.fixture
def server(live_db: str) -> Iterator[Server]:
    """gunicorn with two workers on the live_db."""
    with running_server() as server:
        yield server
