"""The cast: one real server for all requests of a module."""

from collections.abc import Iterator

import pytest

from tests.raw_http import Wire
from tests.server import Server, running_server


@pytest.fixture(scope="module")
def server(module_db: str) -> Iterator[Server]:
    with running_server(workers=1) as server:
        yield server


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    """A connection of the test's own."""
    with Wire(server.url) as wire:
        yield wire
