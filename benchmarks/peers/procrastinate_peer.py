"""procrastinate: an asynchronous worker; the history of each job is written by its triggers."""

import asyncio
import sys

import procrastinate

# What it allows at once; more gains nothing on two cores, for it fetches one job at a time.
CONCURRENCY = 20
BULK = 1000

app = procrastinate.App(connector=procrastinate.PsycopgConnector(min_size=4, max_size=10))


@app.task(name="nothing")
async def nothing(rows: int) -> None:
    """Does nothing."""


async def main(command: str, *words: str) -> None:
    async with app.open_async():
        if command == "setup":
            await app.schema_manager.apply_schema_async()
        elif command == "enqueue":
            count = int(words[0])
            for first in range(0, count, BULK):
                await nothing.batch_defer_async(*({"rows": number} for number in range(first, min(count, first + BULK))))
        else:
            print("ready", flush=True)  # noqa: T201  this is how the one who started us knows
            sys.stdin.readline()
            await app.run_worker_async(concurrency=CONCURRENCY, install_signal_handlers=False)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
