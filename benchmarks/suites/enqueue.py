"""1,000 jobs a request, against one INSERT of the same rows with their audit entries."""

import random
import time
from collections.abc import Iterator

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from benchmarks.client import Client
from benchmarks.measurements import Measurement, Options, Row, Unmeasured
from benchmarks.site import API_KEY, Site

NEEDS = ()
BULK = 1_000
HTTP, RAW = "bulk enqueue over HTTP", "one INSERT by psycopg"
ROWS = [
    Row(f"bulk enqueue of {BULK:,} over HTTP ÷ one `INSERT … SELECT unnest` with audit by psycopg", HTTP, RAW, at_least=0.5),
    *(Row(cell, cell, unit="jobs/s") for cell in (HTTP, RAW)),
]
# What one would write who knows the tables and asks nothing: no keys to compare, no rule to check, all as they came.
_INSERT = """
with made as (
  insert into jobs (id, type, status, lane_id, due, priority, payload, metadata, attempts, max_attempts, epoch, partial, created_by,
    timeout_seconds, scheduled_for, created_at, updated_at, kept_by_heartbeats, claim_losses, late_epochs, audit_seq, event_xid)
  select a.id, l.type, 'queued', l.id, true, 50, a.payload, '{}', 0, 1, 0, false, 'benchmark', 3600, now(), now(), now(), false, 0, '{}', 0,
    pg_current_xact_id()
  from unnest(%(ids)s::text[], %(payloads)s::jsonb[]) as a (id, payload) join lanes l on l.type = %(type)s
  returning id)
insert into audit_log (job_id, sequence, action, to_status, actor_kind, actor, epoch, attempt, at, xid)
select m.id, 0, 'enqueue', 'queued', 'producer', 'benchmark', 0, 1, now(), pg_current_xact_id() from made m
"""


class _Made(msgspec.Struct):
    id: str


class _Answer(msgspec.Struct):
    jobs: list[_Made]


def measure(site: Site, options: Options) -> Iterator[Measurement | Unmeasured]:
    turns = options.size(20, quick=2)
    took = {HTTP: 0.0, RAW: 0.0}
    with site.fresh_database() as database, site.server() as server:
        # The type has its lane before the first turn, as in life.
        site.enqueue(1)
        with Client.orchestrator(server, key=API_KEY, name="producer") as client, psycopg.connect(database, autocommit=True) as connection:
            for turn in range(-1, turns):
                for way in random.sample([*took], len(took)):
                    seconds = _over_http(client) if way == HTTP else _by_insert(connection)
                    # The first turn prepares and is not counted.
                    took[way] += seconds if turn >= 0 else 0
    for way, seconds in took.items():
        yield Measurement(way, turns * BULK / seconds, "jobs/s", turns * BULK)


def _over_http(client: Client) -> float:
    """Seconds."""
    jobs = [{"type": "benchmark", "payload": {"rows": number}} for number in range(BULK)]
    began = time.perf_counter()
    made = client.ask("POST", "/jobs", jobs, answer=_Answer).jobs
    took = time.perf_counter() - began
    if len({job.id for job in made}) != BULK:
        raise RuntimeError(f"{len(made)} jobs were made of {BULK}")
    return took


def _by_insert(connection: psycopg.Connection[object]) -> float:
    """Seconds; the ids are made before."""
    from jobs.ids import new_ids

    rows = {"ids": new_ids(BULK), "payloads": [Jsonb({"rows": number}) for number in range(BULK)], "type": "benchmark"}
    began = time.perf_counter()
    made = connection.execute(_INSERT, rows, prepare=True).rowcount
    took = time.perf_counter() - began
    if made != BULK:
        raise RuntimeError(f"{made} jobs were made of {BULK}")
    return took
