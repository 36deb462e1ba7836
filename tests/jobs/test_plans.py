"""Each hot call stays on its index however many jobs there are: what it reads in a database of 200,000 is a few rows a job.

Judged by what PostgreSQL counts while a call is made, with the plans of our connections: that also sees into functions and triggers, of
which EXPLAIN tells nothing.
"""

import pytest
from django.db import connection, transaction
from django.utils import timezone

from benchmarks import seeding
from benchmarks.footprint import Footprint, footprint
from benchmarks.hot_calls import BATCH, hot_calls
from jobs import fleet, rollup, sweep_runs
from jobs.flows import WINDOWS, failed, flows
from jobs.models import AuditEntry, Fold
from jobs.standing import COUNTED_TO, standing
from jobs.stuck_jobs import stuck_jobs
from jobs.top_failures import top_failures

TYPES = 200
# The tables that grow.
LARGE = {"jobs", "audit_log"}
# Of one index, in one call of a batch. (The audit log's own rows are met again by the guards.)
MOST_ENTRIES = 12 * BATCH
# Which index each call finds its rows by.
BY = {
    "claim, any type": "jobs_claim",
    "claim, one type": "jobs_claim",
    "claim, 20 types": "jobs_claim",
    "claim, a rare type": "jobs_claim",
    "claim, with labels": "jobs_claim",
    "claim, types with a limit": "jobs_slots",
    "claim, asked again": "jobs_live",
    "come due": "jobs_future",
    "is anything due": "jobs_claim",
    "queue size": "jobs_claim",
    "start": "jobs_pkey",
    "complete": "jobs_pkey",
    "complete at once": "jobs_pkey",
    "fail": "jobs_pkey",
    "release": "jobs_pkey",
    "progress": "jobs_pkey",
    "heartbeat": "jobs_live",
    "renew": "jobs_pkey",
    "sweep": "jobs_live",
    "sweep, poison and cancels": "jobs_live",
    "count of what is stuck": "jobs_live",
    "heartbeat, told of cancels": "jobs_live",
    "bulk batch": "jobs_pkey",
    "orphaned": "jobs_live",
    "enqueue": "jobs_claim",
    "enqueue, each with its key": "jobs_unique_key",
    "fold failures": "audit_log_failures",
    "failed alike": "jobs_failed_alike",
    "events": "audit_log_feed",
    "why": "jobs_claim",
    "history": "audit_log_job_sequence",
    "timing": "audit_log_job_sequence",
    "fold": "audit_log_feed",
    "prune": "jobs_status_updated",
}


@pytest.fixture(scope="module", autouse=True)
def _two_hundred_thousand_jobs(module_db: str) -> None:
    seeding.fill(queued=150_000, finished=50_000, failed=500, among=TYPES, labels=seeding.LABELS)
    seeding.stories(most=200_000)


@pytest.mark.parametrize("name", BY)
def test_a_hot_call_stays_on_its_index(name: str) -> None:
    assert _strays(name, _footprint_of(name)) == []


def test_each_hot_call_is_judged() -> None:
    assert BY.keys() == hot_calls(among=TYPES).keys()


@pytest.mark.parametrize(
    "name",
    [
        "claim, 20 types",
        "claim, types with a limit",
        "come due",
        "sweep",
        "complete",
        "enqueue, each with its key",
        "events",
        "history",
        "why",
        "fold",
        "prune",
    ],
)
def test_without_its_index_a_call_is_found_astray(name: str) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("select conrelid::regclass::text from pg_constraint where conindid = %s::regclass", [BY[name]])
            constrained = cursor.fetchone()
            cursor.execute(f"alter table {constrained[0]} drop constraint {BY[name]}" if constrained else f"drop index {BY[name]}")
        assert _strays(name, _footprint_of(name)) != []
        transaction.set_rollback(True)


def test_jobs_that_nobody_takes_are_found_by_their_lanes() -> None:
    with footprint() as seen:
        lanes = fleet.unroutable()

    assert len(lanes) == 2 * TYPES + 1
    assert {(lane.type == seeding.RARE, lane.jobs == seeding.RARE_JOBS) for lane in lanes} == {(True, True), (False, False)}
    assert not LARGE & seen.whole.keys()
    # Beside what is counted of each: whether there is any, and of each priority the first.
    assert seen.indexes["jobs_claim"].entries - sum(lane.jobs for lane in lanes) <= 10 * len(lanes)


def test_the_overview_counts_no_more_than_it_tells() -> None:
    # What the calls above wrote and took back is counted as read, too.
    with connection.cursor() as cursor:
        cursor.execute("vacuum jobs, audit_log")
    with footprint() as seen:
        stands, stuck = standing(), stuck_jobs(most=10)
        flows(WINDOWS["24h"], now=timezone.now())
        failed(WINDOWS["24h"], now=timezone.now())
        top_failures(now=timezone.now(), hours=24, most=5)
        sweep_runs.state()
        rollup.lag_seconds()

    assert (stands.more_are_queued, stuck.total) == (True, 0)
    # That there is any job is known by the first of them.
    assert {table: reads.entries for table, reads in seen.whole.items() if table in LARGE} in ({}, {"jobs": 1})
    assert seen.indexes["jobs_status_updated"].entries == COUNTED_TO + 1
    # One look for each priority of each lane.
    assert seen.indexes["jobs_claim"].entries <= 5 * (2 * TYPES + 1)
    assert sum(seen.indexes[name].entries for name in seen.indexes if name.startswith(("jobs_live", "audit_log"))) <= 2 * BATCH


def test_how_far_a_fold_is_behind_is_found_without_what_it_has_taken_in() -> None:
    newest = AuditEntry.objects.order_by("-xid", "-id")[:2]
    with transaction.atomic():
        for place, behind in ((newest[0], 0), (newest[1], 1)):
            Fold.objects.update_or_create(name=rollup.FOLD, defaults={"xid": place.xid, "entry": place.id})
            with footprint() as seen:
                assert (rollup.lag_seconds() > 0) == (behind > 0)
            assert seen.indexes["audit_log_feed"].entries <= 1
            assert "audit_log" not in seen.whole
        transaction.set_rollback(True)


def _footprint_of(name: str) -> Footprint:
    with transaction.atomic():
        call = hot_calls(among=TYPES)[name]()
        with footprint() as seen:
            call()
        transaction.set_rollback(True)
    return seen


def _strays(name: str, seen: Footprint) -> list[str]:
    """What is wrong with what a call read."""
    whole = [f"{table} is read from one end to the other" for table in LARGE & seen.whole.keys()]
    much = [f"{reads.entries} entries of {index} are read" for index, reads in seen.indexes.items() if reads.entries > MOST_ENTRIES]
    return whole + much + ([] if BY[name] in seen.indexes else [f"{BY[name]} is not used"])
