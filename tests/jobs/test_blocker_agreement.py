"""A job has no blockers exactly when a claim would return it, in whatever state a site may be."""

from collections import Counter

import pytest

from jobs import blockers
from jobs.blockers import Reason
from jobs.lifecycle import Status
from jobs.models import Job
from tests.jobs.blocker_worlds import world

pytestmark = pytest.mark.django_db
STATES, EACH, ALONE = 2000, 50, 10


def test_a_job_has_no_blockers_exactly_when_a_claim_by_some_live_orchestrator_would_return_it() -> None:
    states, told, alone = 0, Counter[str](), Counter[str]()
    for seed in range(STATES):
        with world(seed) as site:
            won = site.within_reach()
            for job in Job.objects.filter(status=Status.QUEUED).order_by("id"):
                codes = [blocker.code for blocker in blockers.look(job.id).blockers]
                assert (job.id in won) == (not codes), (seed, job.id, codes)
                states += 1
                told.update(codes if codes else ("none",))
                alone.update(codes if len(codes) == 1 else ())
        if states >= STATES:
            break
    assert {word: told[word] for word in (*Reason, "none") if told[word] < EACH} == {}
    # Without any of them the above would not hold.
    assert {reason: alone[reason] for reason in Reason if alone[reason] < ALONE} == {}
