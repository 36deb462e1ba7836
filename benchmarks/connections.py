"""`python -m benchmarks.connections`: what a request pays for its database connection, from the pool and without one."""

import argparse
import random

from django.db import connection

from benchmarks.figures import Cost, microseconds, ratio, rounds, stopwatch, table
from benchmarks.scratch import scratch_databases, use

POOL = "from the pool (ours)"
NEW = "a new one each time"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.connections", description=__doc__)
    parser.add_argument("--rounds", type=rounds, default=20, help="how often each variant has its turn (default: 20)")
    parser.add_argument("--requests", type=int, default=100, help="requests in a turn (default: 100)")
    options = parser.parse_args()
    costs: dict[str, list[Cost]] = {POOL: [], NEW: []}
    with scratch_databases(["connections"]):
        pool = connection.settings_dict["OPTIONS"]["pool"]
        for _ in range(options.rounds):
            for variant in random.sample([*costs], len(costs)):
                use("connections")
                connection.settings_dict["OPTIONS"]["pool"] = pool if variant == POOL else False
                request(5)
                with stopwatch() as cost:
                    request(options.requests)
                costs[variant].append(cost)
    rows = [
        [
            variant,
            ratio([cost.wall for cost in costs[variant]], [cost.wall for cost in costs[POOL]]),
            microseconds([cost.wall / options.requests for cost in costs[variant]]),
        ]
        for variant in costs
    ]
    print(table(["connection", "by the clock", "µs a request"], rows))  # noqa: T201  this is the program's output


def request(count: int) -> None:
    """Asks for what a heartbeat of an idle orchestrator asks, and gives the connection back, as the end of a request does."""
    from jobs.actors import Holder
    from jobs.leases import Pulse, heartbeat

    for _ in range(count):
        heartbeat(Pulse(), by=Holder.of("benchmark"))
        connection.close()


if __name__ == "__main__":
    main()
