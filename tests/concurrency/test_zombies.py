"""Reports of the dead: old tokens, lapsed leases and strangers, sent while leases run out, are swept and claimed anew. None is let in."""

import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection

from jobs.actors import Actor
from jobs.models import AuditEntry
from jobs.sweeps import sweep
from tests.concurrency.caller import Caller, Json
from tests.concurrency.crowd import in_threads
from tests.concurrency.fleet import COMPLETE, START, Word, claim, fill_queue, report
from tests.concurrency.history import Heard, Sent, contradictions
from tests.ledger import assert_sound
from tests.server import Server

JOBS = 40
IDENTITIES = ("orch-1", "orch-2")
HOLDERS_EACH = 2
MOST_SECONDS = 60.0
# Reports under an old token by an identity that holds the job anew are the ones that a fence without epochs lets in.
LEAST_ZOMBIES, LEAST_RECLAIMED = 800, 200

AGAIN = Word("fail", "POST", "fail", {"error": "once more", "retryAfterSeconds": 0})
RELEASE = Word("release", "POST", "release", {"message": "not now"})
# A completion that is let in would take the job out of the game: only those say it who are certainly dead.
ALIVE, DEAD = (START, AGAIN, RELEASE), (START, AGAIN, RELEASE, COMPLETE)
LAPSE = """
update jobs set lease_expires_at = clock_timestamp() where status in ('claimed', 'running')
  and id in (select id from jobs where status in ('claimed', 'running') order by random() limit 3) returning id, epoch, lease_expires_at"""
DUE = "update jobs set scheduled_for = clock_timestamp() where status = 'queued' and not due"


@dataclass
class Graveyard:
    """What is known of claims whose holders stopped working on them, shared by all threads.

    Attributes:
        frozen: jobs as their claims brought them, by job id.
        lapses: when leases were made to run out, by job id and epoch.
        reclaimed: how many reports were sent under an older token than that of a claim which the same identity held.
    """

    sent: list[Sent] = field(default_factory=list)
    frozen: dict[str, list[tuple[str, Json]]] = field(default_factory=lambda: defaultdict(list))
    lapses: dict[tuple[str, int], datetime] = field(default_factory=dict)
    reclaimed: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def any_claim(self, chance: random.Random) -> Json | None:
        """A job as some claim brought it; None as long as there is none."""
        graves = [grave for grave in list(self.frozen.values()) if grave]
        return chance.choice(chance.choice(graves))[1] if graves else None

    @property
    def zombies(self) -> int:
        """How many reports were refused."""
        return sum(each.heard is Heard.REFUSED for each in list(self.sent))


def test_no_report_of_the_dead_is_let_in(server: Server, settings: Any) -> None:
    settings.CLAIM_LOSSES_ALLOWED = 1_000_000
    ids = fill_queue(JOBS, max_attempts=1_000_000)
    yard = Graveyard()

    holders = [
        partial(_hold, yard, server.url, name, random.Random(f"{name} {number}"))  # noqa: S311 - no secret: repeatable
        for name in IDENTITIES
        for number in range(HOLDERS_EACH)
    ]
    dead = [partial(_rise, yard, server.url, name, random.Random(name)) for name in IDENTITIES]  # noqa: S311
    strangers = [partial(_trespass, yard, server.url, "orch-3", random.Random(3))]  # noqa: S311
    in_threads([*holders, *dead, *strangers, partial(_sweep, yard), partial(_sweep, yard), partial(_let_time_pass, yard)])

    assert yard.zombies >= LEAST_ZOMBIES, f"only {yard.zombies} zombies in {MOST_SECONDS} s: that proves nothing"
    assert yard.reclaimed >= LEAST_RECLAIMED, f"only {yard.reclaimed} met their own next claim: that proves nothing"
    assert contradictions(yard.sent, AuditEntry.objects.all(), yard.lapses) == []
    for job_id in ids:
        assert_sound(job_id)


def _hold(yard: Graveyard, url: str, name: str, chance: random.Random) -> None:
    """Claims jobs; works on some as one should, and goes stiff over the others."""
    with Caller(url, name) as caller:
        while not yard.stopped.is_set():
            for job in claim(caller, yard.sent, batch_size=3):
                # Its own earlier lives speak up first.
                for _, old in [each for each in list(yard.frozen[job["id"]]) if each[0] == name][-2:]:
                    report(caller, yard.sent, old, chance.choice(DEAD))
                    yard.reclaimed += 1
                if chance.random() < 0.5:
                    report(caller, yard.sent, job, START)
                if chance.random() < 0.5:
                    report(caller, yard.sent, job, chance.choice((AGAIN, RELEASE)))
                yard.frozen[job["id"]].append((name, job))
            time.sleep(0.005)


def _rise(yard: Graveyard, url: str, name: str, chance: random.Random) -> None:
    """Reports on what somebody once held, itself or another, under the token of that claim."""
    with Caller(url, name) as caller:
        while not yard.stopped.is_set():
            if job := yard.any_claim(chance):
                is_dead = (job["id"], job["epoch"]) in yard.lapses
                report(caller, yard.sent, job, chance.choice(DEAD if is_dead else ALIVE))
            time.sleep(0.005)


def _trespass(yard: Graveyard, url: str, name: str, chance: random.Random) -> None:
    """Reports on jobs that it never held, with a stolen token or with none."""
    with Caller(url, name) as caller:
        while not yard.stopped.is_set():
            if job := yard.any_claim(chance):
                report(caller, yard.sent, job if chance.random() < 0.5 else {**job, "lease": {"token": None}}, chance.choice(DEAD))
            time.sleep(0.005)


def _sweep(yard: Graveyard) -> None:
    while not yard.stopped.wait(0.01):
        sweep(by=Actor.sweep())


def _let_time_pass(yard: Graveyard) -> None:
    """Lets leases run out and delays pass, until there were enough zombies."""
    give_up_at = time.monotonic() + MOST_SECONDS
    try:
        while time.monotonic() < give_up_at and (yard.zombies < LEAST_ZOMBIES or yard.reclaimed < LEAST_RECLAIMED):
            with connection.cursor() as cursor:
                cursor.execute(LAPSE)
                yard.lapses.update({(job_id, epoch): at for job_id, epoch, at in cursor.fetchall()})
                cursor.execute(DUE)
            time.sleep(0.02)
    finally:
        yard.stopped.set()
