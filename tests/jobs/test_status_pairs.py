"""All 36 pairs of statuses, by every verb and every actor: what the table allows is made, all else is refused and nothing is written."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from jobs.actors import Actor, Holder
from jobs.lifecycle import LEGAL_PAIRS, AlreadyFinished, InvalidTransition, NotJobOwner, Status, TransitionRefused
from jobs.models import AuditEntry, Job
from jobs.outcomes import Report
from tests.factories import HOLDER, PRODUCER, STAFF, JobFactory, claimed
from tests.ledger import assert_sound

pytestmark = pytest.mark.django_db
SWEEP = Actor.sweep()
Attempted = Callable[[Job], Any]


def _ways_to(target: Status) -> list[tuple[str, Attempted]]:
    """Every call that asks for this status, with who makes it."""
    ways: dict[Status, list[tuple[str, Attempted]]] = {
        Status.QUEUED: [
            *((f"release by {by.kind}", partial(Job.release, by=by)) for by in (HOLDER, STAFF, SWEEP)),
            *((f"retry by {by.kind}", partial(Job.retry, by=by)) for by in (STAFF, PRODUCER)),
        ],
        Status.CLAIMED: [("claim", claimed)],
        Status.RUNNING: [("start by its holder", partial(Job.start, by=HOLDER))],
        Status.COMPLETED: [("complete by its holder", partial(Job.complete, report=Report(exit_code=0), by=HOLDER))],
        Status.FAILED: [
            (f"fail by {by.kind}", partial(Job.fail, report=Report(error="no", retryable=False), by=by)) for by in (HOLDER, STAFF, SWEEP)
        ],
        Status.CANCELLED: [(f"cancel by {by.kind}", partial(Job.cancel, by=by, force=True)) for by in (STAFF, PRODUCER)],
    }
    return ways[target]


CASES = [
    pytest.param(source, target, attempt, id=f"{source}-{target}-{name.replace(' ', '-')}")
    for source in Status
    for target in Status
    for name, attempt in _ways_to(target)
]
# One call, two entries: start and complete.
COMPOUND = {("claimed", "completed")}
# The table gives these verbs only to some: the sweep releases claimed jobs only.
NOT_FOR_ALL = {("running", "queued", "release-by-sweep")}


@pytest.mark.parametrize(("source", "target", "attempt"), CASES)
def test_a_status_follows_another_only_as_the_table_says(
    source: Status, target: Status, attempt: Attempted, request: pytest.FixtureRequest
) -> None:
    job = JobFactory(status=source, max_attempts=1)
    before = _everything(job)
    case = request.node.callspec.id
    legal = ((source, target) in LEGAL_PAIRS | COMPOUND) and not any(case == "-".join(exception) for exception in NOT_FOR_ALL)
    # A verb is for some sources only: release is for held jobs, retry for ended ones.
    if target == Status.QUEUED:
        legal = legal and (source.is_live if "release" in case else source.is_terminal)
    if "by-producer" in case and target == Status.CANCELLED and source.is_live:
        # A producer asks the holder, whatever it says of force.
        assert attempt(job).act == "cancel_request"
        assert Job.objects.get(id=job.id).status == source
        assert_sound(job.id)
        return
    if legal:
        attempt(job)
        assert Job.objects.get(id=job.id).status == target
        assert_sound(job.id)
        return
    if source == target == Status.RUNNING:
        assert attempt(job).verdict == "unchanged"
    else:
        with pytest.raises((TransitionRefused, ValueError)) as refused:
            attempt(job)
        assert isinstance(refused.value, InvalidTransition | NotJobOwner | AlreadyFinished | ValueError)
        if isinstance(refused.value, InvalidTransition):
            assert refused.value.details["requested"] == target
    assert _everything(job) == before


def test_every_pair_is_tried() -> None:
    assert len({case.values[:2] for case in CASES}) == 36


def _everything(job: Job) -> tuple[object, ...]:
    return Job.objects.filter(id=job.id).values_list().get(), list(AuditEntry.objects.filter(job_id=job.id).values_list("id", flat=True))


def test_a_holder_of_another_job_is_not_the_holder_of_this_one(holder: Holder) -> None:
    JobFactory(status="running")
    with pytest.raises(NotJobOwner):
        JobFactory(status="running", holder=Holder.of("orch-9")).complete(by=holder)
