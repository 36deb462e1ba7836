"""A pause races claims: once it has returned, none of them finds a job."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import psycopg
import pytest
from django.db import connection
from django.db.models import QuerySet
from rest_framework.test import APIClient

from jobs import pausing
from jobs.actors import Holder
from jobs.claiming import claim
from jobs.models import AuditEntry, Job, Orchestrator
from jobs.pausing import SITE, Subject
from tests.chaos.load import wait_until
from tests.concurrency.crowd import in_threads
from tests.concurrency.fleet import fill_queue
from tests.factories import HOLDER, STAFF
from tests.ledger import assert_sound
from tests.orchestration_api.wire import send
from tests.postgres import API_KEY

Result = TypeVar("Result")
CLAIMERS = 6
JOBS = 100
SUBJECTS = {"site": SITE, "type": Subject.type("type-1")}


@pytest.mark.parametrize("scope", [*SUBJECTS, "orchestrator"])
def test_after_a_pause_no_claim_finds_what_is_paused(scope: str, live_db: str) -> None:
    fill_queue(JOBS)
    done = threading.Event()

    def concerned() -> QuerySet[AuditEntry]:
        claims = AuditEntry.objects.filter(action="claim")
        if scope == "orchestrator":
            return claims.filter(actor="orch-1")
        return claims.filter(job_id__in=Job.objects.filter(type="type-1").values("id")) if scope == "type" else claims

    def pause() -> None:
        try:
            wait_until(lambda: concerned().count() > 30, seconds=30, what="the claimers are at it")
            if scope == "orchestrator":
                pausing.drain("orch-1", by=STAFF, reason="a race")
            else:
                pausing.pause(by=STAFF, reason="a race", subject=SUBJECTS[scope])
            # What the claimers do from here on is what counts.
            time.sleep(0.5)
        finally:
            done.set()

    def claim_on(name: str) -> None:
        while not done.is_set():
            for job in claim(by=Holder.of(name), batch_size=2).jobs:
                job.release(by=Holder.of(name))

    crowd: list[Callable[[], None]] = [pause, *[partial(claim_on, f"orch-{number % 3}") for number in range(CLAIMERS)]]
    in_threads(crowd)

    paused_at = AuditEntry.objects.get(action__in=["pause", "drain"]).at
    assert not concerned().filter(at__gt=paused_at).exists()
    for job in Job.objects.filter(epoch__gt=0):
        assert_sound(job.id)


def test_a_claim_that_waits_while_claims_are_stopped_is_told_why_it_came_back_empty(live_db: str) -> None:
    client = APIClient(headers={"Authorization": f"Bearer {API_KEY}", "X-Orchestrator-ID": HOLDER.name})
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(_alone, lambda: send(client, "post", "/jobs/claim", {"wait": 2}).json())
        wait_until(lambda: Orchestrator.objects.filter(id=HOLDER.name).exists(), seconds=10, what="the claim is there")
        # Long enough that it has found nothing, and nothing that stops it.
        time.sleep(0.5)
        pausing.pause(by=STAFF, reason="a full disk", subject=SITE)
        answer = waiting.result(20)

    assert (answer["count"], answer["metadata"]["reason"]) == (0, "paused")


def test_a_pause_waits_for_the_claims_under_way_and_those_that_come_later_see_it(live_db: str) -> None:
    fill_queue(2)
    pause = partial(pausing.pause, by=STAFF, reason="a race")

    with psycopg.connect(live_db) as claimer, psycopg.connect(live_db, autocommit=True) as observer, ThreadPoolExecutor(2) as threads:
        waiting = "select from pg_stat_activity where wait_event = 'advisory' and datname = current_database()"
        assert claimer.execute("select from claim_jobs(null, null, 1, 'orch-1', null, null, 60, 1000000)").rowcount == 1
        paused = threads.submit(_alone, pause)
        wait_until(lambda: observer.execute(waiting).rowcount == 1, seconds=10, what="the pause waits for the claim")
        later = threads.submit(_alone, lambda: claim(by=Holder.of("orch-2"), batch_size=1).jobs)
        wait_until(lambda: observer.execute(waiting).rowcount == 2, seconds=10, what="the next claim waits for the pause")
        claimer.commit()
        paused.result()
        assert later.result() == []
    assert Job.objects.filter(status="claimed").count() == 1


def _alone(work: Callable[[], Result]) -> Result:
    try:
        return work()
    finally:
        connection.close()
