"""Any number of sweepers at once equals one, and none of them touches what its holder ends in time."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import psycopg
import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from jobs import watch
from jobs.actors import Actor
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.lifecycle import TransitionRefused
from jobs.models import Attempt, AuditEntry, Job
from jobs.sweeps import sweep
from tests.chaos.load import wait_until
from tests.concurrency.crowd import in_threads
from tests.factories import HOLDER, PRODUCER
from tests.ledger import assert_sound

Connection = psycopg.Connection[tuple[object, ...]]
SWEEPERS = 4
# What a sweep makes of a stuck job of each kind: its status then, and the entries that the sweep adds.
KINDS = {
    "claimed": ("queued", ["release"]),
    "running": ("failed", ["fail"]),
    "retried": ("queued", ["fail", "retry"]),
    "cancelling": ("cancelled", ["cancel"]),
    "poisonous": ("failed", ["fail"]),
}
EXPIRE = "update jobs set lease_expires_at = clock_timestamp() where status in ('claimed', 'running')"


@pytest.mark.parametrize("count", [400, pytest.param(2000, marks=pytest.mark.slow)])
def test_sweepers_at_once_move_each_stuck_job_once(count: int, live_db: str) -> None:
    stuck = {kind: _held(kind, count // len(KINDS)) for kind in KINDS}
    _expire()

    swept = [job_id for of_sweeper in in_threads([_sweep_in_small_bites] * SWEEPERS) for job_id in of_sweeper]

    ids = [job.id for jobs in stuck.values() for job in jobs]
    assert Counter(swept) == Counter(ids)
    assert Counter(AuditEntry.objects.filter(actor_kind="sweep").values_list("job_id", flat=True)) == Counter(ids)
    for kind, jobs in stuck.items():
        status, added = KINDS[kind]
        for job in jobs:
            assert Job.objects.get(id=job.id).status == status, kind
            entries = AuditEntry.objects.filter(job_id=job.id).order_by("sequence").values_list("action", flat=True)
            assert list(entries)[-len(added) :] == added, kind
            assert_sound(job.id)
    assert Attempt.objects.count() == len(stuck["retried"])
    assert {job.id for job in Job.objects.filter(quarantined_at__isnull=False)} == {job.id for job in stuck["poisonous"]}
    assert sweep(by=Actor.sweep()).swept == []


def test_dry_runs_beside_real_sweeps_are_in_nobodys_way_and_change_nothing(live_db: str) -> None:
    jobs = _held("running", 300)
    _expire()
    look: Callable[[], list[str]] = partial(_foretold, 5)
    *foretold, first, second = in_threads([look, look, _sweep_in_small_bites, _sweep_in_small_bites])

    # What a dry run had locked is passed over until the next round.
    assert Counter(first + second + _sweep_in_small_bites()) == Counter(job.id for job in jobs)
    assert {job_id for of_looker in foretold for job_id in of_looker} <= {job.id for job in jobs}
    assert AuditEntry.objects.filter(actor_kind="sweep").count() == len(jobs)


def test_a_completion_that_comes_before_the_sweep_stands(live_db: str) -> None:
    jobs = _held("running", 200)
    in_time, late = jobs[::2], jobs[1::2]
    with connection.cursor() as cursor:
        cursor.execute(f"{EXPIRE} and id = any(%s)", [[job.id for job in late]])

    # Holders complete all of them, from the end, while sweepers come from the beginning.
    crowd: list[Callable[[], list[str]]] = [partial(_complete_all, jobs[::-1]), *[_sweep_in_small_bites] * SWEEPERS]
    completed, *swept = in_threads(crowd)

    assert set(completed) == {job.id for job in in_time}
    assert {job_id for of_sweeper in swept for job_id in of_sweeper} <= {job.id for job in late}
    sweep(by=Actor.sweep())
    assert {job.id for job in Job.objects.filter(status="failed", error_category="lease_lost")} == {job.id for job in late}
    assert {job.id for job in Job.objects.filter(status="completed")} == {job.id for job in in_time}
    for job in jobs:
        assert_sound(job.id)


def test_a_sweep_waits_for_nobody_and_ends_no_run_that_is_just_being_renewed(live_db: str) -> None:
    renewed, expired = _held("running", 2)
    _expire()

    with psycopg.connect(live_db) as neighbour:
        neighbour.execute("update jobs set lease_expires_at = clock_timestamp() + interval '1 hour' where id = %s", [renewed.id])
        assert [one.job_id for one in sweep(by=Actor.sweep()).swept] == [expired.id]
        neighbour.commit()

    assert sweep(by=Actor.sweep()).swept == []
    assert Job.objects.get(id=renewed.id).status == "running"


def test_whoever_is_first_a_sweep_or_a_renewal_the_other_finds_it_so(live_db: str) -> None:
    jobs = _held("running", 300)
    _expire()
    # From the end, while sweepers come from the beginning.
    renew: Callable[[], list[str]] = partial(_renew_all, jobs[::-1])
    renewed, *swept = in_threads([renew, *[_sweep_in_small_bites] * SWEEPERS])

    assert Counter([*renewed, *(job_id for of_sweeper in swept for job_id in of_sweeper)]) == Counter(job.id for job in jobs)
    assert {job.id for job in Job.objects.filter(status="running")} == set(renewed)
    assert renewed, "the sweepers were too fast"


def test_sweepers_at_once_engage_the_brake_once_and_end_nothing(live_db: str, caplog: pytest.LogCaptureFixture) -> None:
    jobs = _held("running", 60)
    _expire()

    swept = in_threads([partial(sweep, by=Actor.sweep())] * SWEEPERS)

    assert [done.swept for done in swept] == [[]] * SWEEPERS
    assert {(done.brake.reason, done.brake.kept) for done in swept if done.brake} == {("60 of 60 running leases ran out at once", 60)}
    assert len({done.brake and done.brake.until for done in swept}) == 1
    assert len([line for line in caplog.messages if line.startswith("The brake holds until")]) == 1
    assert Job.objects.filter(status="running").count() == len(jobs)


def test_a_sweep_that_waits_for_a_neighbour_to_engage_the_brake_does_not_engage_it_again(live_db: str) -> None:
    _held("running", 20)
    _expire()

    with psycopg.connect(live_db) as neighbour, psycopg.connect(live_db, autocommit=True) as observer:
        neighbour.execute("update watch set brake_since = now(), brake_until = now() + interval '1 minute', brake_reason = 'mine'")
        judge: Callable[[], str | None] = partial(watch.judge_sweep, force=False)
        crowd: list[Callable[[], str | None]] = [judge, partial(_commit_when_awaited, neighbour, observer)]
        judged, _ = in_threads(crowd)

    # Both come to the same: nothing is ended.
    assert judged == "-infinity"
    assert (brake := watch.brake()) is not None
    assert brake.reason == "mine"


def _commit_when_awaited(neighbour: Connection, observer: Connection) -> None:
    waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    wait_until(lambda: observer.execute(waiting).rowcount == 1, seconds=10, what="the sweep waits for its neighbour")
    neighbour.commit()


def _held(kind: str, count: int) -> list[Job]:
    enqueue([NewJob(type=kind, max_attempts=1 if kind in ("claimed", "running") else 2) for _ in range(count)], by=PRODUCER)
    jobs = claim(by=HOLDER, batch_size=count, job_types=[kind]).jobs
    assert len(jobs) == count
    for job in jobs:
        if kind != "claimed":
            job.start(by=HOLDER)
        if kind == "cancelling":
            job.cancel(by=PRODUCER)
    if kind == "poisonous":
        # Two runs of each were lost before.
        Job.objects.filter(type=kind).update(lease_losses=[timezone.now() - timedelta(hours=hours) for hours in (2, 1)])
    return jobs


def _expire() -> None:
    with connection.cursor() as cursor:
        cursor.execute(EXPIRE)


def _sweep_in_small_bites() -> list[str]:
    # A whole sweep takes 500 at once: one sweeper alone would have done it all before the others begin.
    swept: list[str] = []
    while bite := sweep(by=Actor.sweep(), limit=7, force=True).swept:
        swept.extend(one.job_id for one in bite)
    return swept


def _foretold(times: int) -> list[str]:
    return [one.job_id for _ in range(times) for one in sweep(by=Actor.sweep(), dry_run=True, force=True).swept]


def _renew_all(jobs: list[Job]) -> list[str]:
    later = Now() + timedelta(hours=1)
    return [job.id for job in jobs if Job.objects.filter(id=job.id, status="running").update(lease_expires_at=later)]


def _complete_all(jobs: list[Job]) -> list[str]:
    completed = []
    for job in jobs:
        try:
            job.complete(by=HOLDER, epoch=1)
        except TransitionRefused:
            continue
        completed.append(job.id)
    return completed
