"""Section 1 of the contract: connections stay open for orchestrators that ask seldom."""

import runpy
import time
from contextlib import closing
from http.client import HTTPConnection

from tests.postgres import API_KEY
from tests.server import REPOSITORY, running_server

HEADERS = {"Authorization": f"Bearer {API_KEY}", "X-Orchestrator-ID": "orch-1"}


def test_an_idle_connection_lives_as_long_as_the_slowest_poller_is_silent(live_db: str) -> None:
    """100 s by the configuration; that the server goes by it is seen after 4 s, twice as long as it would keep one by itself."""
    assert runpy.run_path(str(REPOSITORY / "gunicorn.conf.py"))["keepalive"] == 100
    with running_server(workers=1) as server, closing(HTTPConnection(server.url.removeprefix("http://"), timeout=20)) as connection:
        for pause in (4, 0):
            connection.request("GET", "/api/internal/orchestrator/me", headers=HEADERS)
            answer = connection.getresponse()
            assert (answer.read() and answer.status) == 200
            # Without this the client would open another one unasked.
            connection.auto_open = 0
            time.sleep(pause)
