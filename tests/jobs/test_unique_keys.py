"""At most one job that has not ended has a unique key."""

import pytest

from jobs.actors import Actor, Holder
from jobs.enqueueing import NewJob, enqueue
from jobs.lifecycle import UNFINISHED, Conflict, KeyTaken, Status
from jobs.models import AuditEntry, Job
from jobs.outcomes import Report
from jobs.transitions import Step, apply
from tests.factories import JobFactory
from tests.ledger import assert_sound

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("status", list(Status))
def test_a_key_is_taken_until_its_job_has_ended(status: Status, producer: Actor) -> None:
    holder = JobFactory(status=status, unique_key="nightly")

    if status in UNFINISHED:
        with pytest.raises(KeyTaken) as refusal:
            enqueue([NewJob(type="t", unique_key="nightly")], by=producer)
        assert refusal.value.details == {"key": "nightly", "key_holder": holder.id}
        assert Job.objects.count() == 1
    else:
        (job,) = enqueue([NewJob(type="t", unique_key="nightly")], by=producer)
        assert job.unique_key == "nightly"


def test_a_list_is_refused_whole_for_one_key_that_is_taken(producer: Actor) -> None:
    holder = JobFactory(unique_key="b")
    with pytest.raises(KeyTaken) as refusal:
        enqueue([NewJob(type="t", unique_key=key) for key in ("a", "b", None)], by=producer)

    assert refusal.value.details["key_holder"] == holder.id
    assert list(Job.objects.all()) == [holder]
    assert set(AuditEntry.objects.values_list("job_id", flat=True)) == {holder.id}


def test_a_list_that_has_a_key_twice_is_refused_whole(producer: Actor) -> None:
    with pytest.raises(KeyTaken, match="Two of these jobs have the unique key 'a'"):
        enqueue([NewJob(type="t", unique_key=key) for key in ("a", "b", "a")], by=producer)

    assert Job.objects.count() == 0


def test_jobs_without_a_key_are_never_the_same(producer: Actor) -> None:
    assert len(enqueue([NewJob(type="t"), NewJob(type="t")], by=producer)) == 2


def test_a_list_comes_back_in_its_order_whatever_the_order_of_the_keys(producer: Actor) -> None:
    jobs = enqueue([NewJob(type="t", payload=key, unique_key=key) for key in ("c", "a", "b")], by=producer)

    assert [job.payload for job in jobs] == ["c", "a", "b"]
    assert list(AuditEntry.objects.order_by("id").values_list("job_id", flat=True)) == [job.id for job in jobs]


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_a_retry_is_refused_while_another_job_has_the_key(status: Status, staff: Actor) -> None:
    job = JobFactory(status=status, unique_key="nightly")
    holder = JobFactory(unique_key="nightly")
    with pytest.raises(KeyTaken) as refusal:
        job.retry(by=staff)

    assert refusal.value.details["key_holder"] == holder.id
    job.refresh_from_db()
    assert job.status == status
    assert_sound(job.id)
    holder.cancel(by=staff)
    assert job.retry(by=staff).verdict == "applied"


def test_of_two_jobs_of_one_key_retried_together_the_first_goes_back(staff: Actor) -> None:
    first, second, other = (JobFactory(status="failed", unique_key=key) for key in ("nightly", "nightly", "other"))
    stale = Step(job_id=first.id, action="retry", expected_updated_at=first.created_at)
    steps = [Step(job_id=job.id, action="retry") for job in (first, second, other)]

    # The first one is refused for a reason of its own, so the key is free for the second.
    assert [ruling.verdict for ruling in apply([stale, steps[1]], by=staff)] == ["conflict", "applied"]
    second.cancel(by=staff)
    rulings = apply(steps, by=staff)
    assert [ruling.verdict for ruling in rulings] == ["applied", "key_taken", "applied"]
    assert rulings[1].key_holder == first.id
    assert isinstance(rulings[1].refusal("retry"), Conflict)
    for job in (first, second, other):
        assert_sound(job.id)


def test_a_failure_that_is_retried_at_once_keeps_its_key(holder: Holder, producer: Actor) -> None:
    job = JobFactory(status="running", unique_key="nightly", max_attempts=2)
    job.fail(Report(error="busy"), by=holder)

    assert job.status == Status.QUEUED
    with pytest.raises(KeyTaken):
        enqueue([NewJob(type="t", unique_key="nightly")], by=producer)


def test_a_job_that_is_run_again_keeps_its_key(producer: Actor) -> None:
    job = JobFactory(status="completed", unique_key="nightly")
    again = job.run_again(by=producer)

    assert again.unique_key == "nightly"
    with pytest.raises(KeyTaken) as refusal:
        job.run_again(by=producer)
    assert refusal.value.details["key_holder"] == again.id
