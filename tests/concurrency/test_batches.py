"""Batches that overlap, in any order, from several senders at once: no deadlock, each report taken once."""

import random
from collections import Counter
from functools import partial

import pytest
from django.db import connection

from jobs import progress
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.leases import Pulse, heartbeat
from jobs.lifecycle import HOLD
from jobs.models import Job
from jobs.outcomes import Report, judge
from jobs.progress import Note
from jobs.transitions import Step
from tests.concurrency.crowd import in_threads
from tests.factories import HOLDER, PRODUCER
from tests.ledger import assert_sound

SENDERS, JOBS = 4, 120


@pytest.mark.parametrize("seed", [1, 2])
def test_overlapping_batches_take_each_report_once_and_never_deadlock(live_db: str, seed: int) -> None:
    enqueue([NewJob(type="t", payload=None) for _ in range(JOBS)], by=PRODUCER)
    ids = [job.id for job in claim(by=HOLDER, batch_size=JOBS).jobs]

    def send(sender: int) -> Counter[str]:
        chance = random.Random(seed * 100 + sender)  # noqa: S311  not a secret
        verdicts: Counter[str] = Counter()
        for place in range(12):
            some = chance.sample(ids, 40)
            notes = [(Step(job_id=job_id, action=chance.choice([HOLD, "start"])), Note(progress=place)) for job_id in some[:20]]
            ends = [(Step.ending(judge(Report(exit_code=0)), job_id=job_id, digest="ab" * 32), None) for job_id in some[20:]]
            rulings = progress.report([*notes, *ends] if place % 2 else [*ends, *notes], by=HOLDER)
            verdicts += Counter(ruling.verdict for ruling in rulings if ruling.act == "complete")
            heartbeat(Pulse(named=[{"job_id": job_id} for job_id in chance.sample(ids, 60)]), by=HOLDER)
        return verdicts

    verdicts = sum(in_threads([partial(send, sender) for sender in range(SENDERS)]), Counter())
    connection.close()

    assert set(verdicts) == {"applied", "replayed"}
    assert verdicts["applied"] == Job.objects.filter(status="completed").count() > JOBS // 2
    for job_id in ids:
        assert_sound(job_id)
