"""A log that is larger than anybody would want to hold in memory, read from a real server."""

from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

from django.db import connection

from jobs import logs
from tests.factories import HOLDER, JobFactory
from tests.postgres import API_KEY
from tests.server import running_server

MIB = 1024 * 1024
LINE = "x" * 1900
BATCHES, LINES = 3, 10_000


def test_the_whole_text_is_streamed_and_memory_does_not_grow_with_it(live_db: str) -> None:
    short, long = JobFactory(status="running"), JobFactory(status="running")
    for first in range(0, BATCHES * LINES, LINES):
        lines = [{"sequence": first + n, "stream": "stdout", "line": LINE} for n in range(LINES)]
        logs.append(long.id, lines, by=HOLDER, epoch=None)
    logs.append(short.id, lines[:1], by=HOLDER, epoch=None)
    with running_server(workers=1) as server, closing(HTTPConnection(server.url.removeprefix("http://"), timeout=60)) as client:
        read(client, short.id)
        (worker,) = server.workers
        Path(f"/proc/{worker}/clear_refs").write_text("5")  # The peak begins anew (proc(5)).
        before = kilobytes(worker, "VmRSS")
        length = read(client, long.id)

        assert length == BATCHES * LINES * (len(LINE) + 1) > 50 * MIB
        assert (kilobytes(worker, "VmHWM") - before) * 1024 < 16 * MIB


def read(client: HTTPConnection, job_id: str) -> int:
    """Reads a log to its end, and looks on the way whether a transaction stays open for it; returns its length."""
    client.request("GET", f"/api/internal/jobs/{job_id}/logs.txt", headers={"Authorization": f"Bearer {API_KEY}"})
    answer = client.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    length = len(answer.read(MIB))
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'")
        assert cursor.fetchone() == (0,)
    while stretch := answer.read(MIB):
        length += len(stretch)
    return length


def kilobytes(process: int, name: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
