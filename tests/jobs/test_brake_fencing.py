"""While the brake holds, the current claim of a job is believed although its lease has run out; nobody else is."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from jobs import leases, logs, progress, watch
from jobs.actors import Holder
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.leases import Pulse
from jobs.lifecycle import HOLD, LeaseExpired, LeaseLost
from jobs.models import Job, Watch
from jobs.outcomes import Report
from jobs.progress import Note
from jobs.transitions import Step
from tests.factories import PRODUCER
from tests.jobs.outage import LEASE, expire, overdue, pass_by, running, swept

pytestmark = pytest.mark.django_db


SPEECH: dict[str, Callable[[Job, Holder], object]] = {
    "complete": lambda job, by: job.complete(Report(exit_code=0), by=by, epoch=1),
    "fail": lambda job, by: job.fail(Report(error="x"), by=by, epoch=1),
    "release": lambda job, by: job.release(by=by, epoch=1),
    "start": lambda job, by: job.start(by=by, epoch=1),
}


@pytest.mark.parametrize("word", SPEECH)
def test_the_current_claim_is_believed_while_the_brake_holds_and_not_after(word: str, holder: Holder) -> None:
    kept, late = running(2, expired=2)
    overdue("web")
    SPEECH[word](kept, holder)
    watch.sign("web")
    Watch.objects.update(brake_until=Now())

    with pytest.raises(LeaseExpired):
        SPEECH[word](late, holder)


@pytest.mark.parametrize("word", SPEECH)
def test_an_earlier_claim_is_never_believed(word: str, holder: Holder) -> None:
    (job,) = running(1)
    job.release(by=holder)
    claim(by=holder, batch_size=1)
    expire([job])
    overdue("web")

    with pytest.raises(LeaseLost):
        SPEECH[word](job, holder)


def test_the_fleet_recovers_by_its_heartbeats(holder: Holder) -> None:
    beating, renewed, deaf = running(3, expired=3)
    assert not leases.heartbeat(Pulse(named=[{"job_id": beating.id, "epoch": 1}]), by=holder).leases
    overdue("sweeper")
    answer = leases.heartbeat(Pulse(named=[{"job_id": beating.id, "epoch": 1}, {"job_id": deaf.id, "epoch": 0}]), by=holder)

    assert ([job_id for job_id, _ in answer.leases], answer.abandon) == ([beating.id], [deaf.id])
    assert leases.renew(renewed.id, by=holder, epoch=1)
    (ruling,) = progress.report([(Step(job_id=deaf.id, action=HOLD, epoch=1), Note(phase="on"))], by=holder)
    assert (ruling.verdict, ruling.known_job.phase) == ("held", "on")
    assert swept() == 0
    pass_by(LEASE - timedelta(seconds=1))
    leases.heartbeat(Pulse(named=[{"job_id": job.id, "epoch": 1} for job in (beating, renewed)]), by=holder)
    pass_by(timedelta(seconds=2))
    assert swept() == 1
    assert {job.id for job in Job.objects.filter(status="running")} == {beating.id, renewed.id}


@pytest.mark.parametrize("epoch", [1, None])
def test_who_sends_lines_is_told_to_go_on_while_the_brake_holds_and_to_stop_after(epoch: int | None, holder: Holder) -> None:
    (job,) = running(1, expired=1)
    overdue("web")
    kept = logs.append(job.id, [{"sequence": 1, "stream": "stdout", "line": "on"}], by=holder, epoch=epoch)
    watch.sign("web")
    Watch.objects.update(brake_until=Now())
    late = logs.append(job.id, [{"sequence": 2, "stream": "stdout", "line": "off"}], by=holder, epoch=epoch)

    assert (kept.next_action, late.next_action) == ("continue", "abandon")


def test_a_claim_asked_again_brings_what_it_held_while_the_brake_holds(holder: Holder) -> None:
    enqueue([NewJob(type="work")], by=PRODUCER)
    (job,) = claim(by=holder, batch_size=1, claim_id="c-1").jobs
    job.start(by=holder)
    expire([job])
    overdue("web")

    again = claim(by=holder, batch_size=1, claim_id="c-1")
    assert [(one.id, one.epoch) for one in again.jobs] == [(job.id, 1)]
