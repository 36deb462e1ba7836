"""Other queues on the same PostgreSQL by their own workers, and ours over HTTP against them."""

import random
from collections.abc import Iterator

from benchmarks.measurements import Measurement, Options, Row, Unmeasured
from benchmarks.peers import installing
from benchmarks.peers.peer import Peer
from benchmarks.site import Site
from benchmarks.suites.throughput import ONE_AT_A_TIME, over_http

NEEDS = ("throughput",)
PROCRASTINATE = Peer(
    package="procrastinate",
    program="procrastinate_peer.py",
    interpreter=installing.python,
    left="select exists (select from procrastinate_jobs where status in ('todo', 'doing'))",
    ended="""
        select count(*) filter (where type = 'succeeded'), min(at) filter (where type = 'started'),
          max(at) filter (where type = 'succeeded')
        from procrastinate_events""",
    keeps="an entry for each change, by row triggers",
)
PGQUEUER = Peer(
    package="pgqueuer",
    program="pgqueuer_peer.py",
    interpreter=installing.python,
    left="select exists (select from pgqueuer)",
    ended="""
        select count(*) filter (where status = 'successful'), min(created) filter (where status = 'picked'),
          max(created) filter (where status = 'successful')
        from pgqueuer_log""",
    keeps="a row of its log for each change; the job's own row is deleted",
)
PG_BOSS = Peer(
    package="pg-boss",
    program="pgboss_peer.mjs",
    interpreter=installing.node,
    left="select exists (select from pgboss.job where state < 'completed')",
    ended="select count(*) filter (where state = 'completed'), min(started_on), max(completed_on) from pgboss.job where name = 'nothing'",
    keeps="times on the job's row, no history",
)
# How many jobs each does: a few seconds' worth.
JOBS = {PROCRASTINATE: 6_000, PGQUEUER: 40_000, PG_BOSS: 40_000}


def native(peer: Peer, processes: int) -> str:
    """The cell of a peer's own worker."""
    return f"{peer.name}, {processes} worker{'s' * (processes > 1)}"


_CC, _CHAIN = over_http("claim + complete", 2), over_http("complete with claim", 2)
ROWS = [
    Row("claim + complete, batch 100, 2 orchestrators ÷ " + native(PROCRASTINATE, 2), _CC, native(PROCRASTINATE, 2), 15),
    Row("claim + complete, batch 100, 2 orchestrators ÷ " + native(PGQUEUER, 2), _CC, native(PGQUEUER, 2), 1.2),
    Row("the same by `POST /jobs/status` with `claim` ÷ " + native(PROCRASTINATE, 2), _CHAIN, native(PROCRASTINATE, 2), 20),
    Row(f"{ONE_AT_A_TIME} ÷ {native(PROCRASTINATE, 1)}", ONE_AT_A_TIME, native(PROCRASTINATE, 1), 0.75),
    Row("claim + complete, batch 100, 2 orchestrators ÷ " + native(PG_BOSS, 2), _CC, native(PG_BOSS, 2)),
    *(Row(f"{native(peer, count)} ({peer.keeps})", native(peer, count), unit="jobs/s") for peer in JOBS for count in (1, 2)),
]


def measure(site: Site, options: Options) -> Iterator[Measurement | Unmeasured]:
    runs = [(peer, processes) for peer in JOBS for processes in (1, 2)]
    for peer, processes in random.sample(runs, len(runs)):
        jobs = options.size(JOBS[peer], quick=200)
        try:
            with site.empty_database() as url:
                speed = peer.jobs_per_second(url, processes=processes, jobs=jobs)
        except installing.CannotInstall as error:
            yield Unmeasured(peer.name, f"it can't be installed: {error}")
        else:
            yield Measurement(native(peer, processes), speed, "jobs/s", jobs)
