"""pgqueuer: batches over asyncpg; each change of status is a row in its log, and a finished job's own row is deleted."""

import sys
from datetime import timedelta

import asyncpg
import uvloop
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries

BATCH = 100
BULK = 1000


async def main(command: str, *words: str) -> None:
    driver = AsyncpgDriver(await asyncpg.connect())
    queries = Queries(driver)
    if command == "setup":
        await queries.install()
    elif command == "enqueue":
        count = int(words[0])
        for first in range(0, count, BULK):
            payloads = [b'{"rows": %d}' % number for number in range(first, min(count, first + BULK))]
            await queries.enqueue(["nothing"] * len(payloads), [*payloads], [0] * len(payloads))
    else:
        print("ready", flush=True)  # noqa: T201  this is how the one who started us knows
        sys.stdin.readline()
        await work(queries)


async def work(queries: Queries) -> None:
    manager = QueueManager(queries)

    @manager.entrypoint("nothing")
    async def nothing(job: Job) -> None:
        """Does nothing."""

    await manager.run(batch_size=BATCH, dequeue_timeout=timedelta(seconds=5))


if __name__ == "__main__":
    # As its own command line does.
    uvloop.run(main(*sys.argv[1:]))
