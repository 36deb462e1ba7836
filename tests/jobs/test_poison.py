"""Jobs that harm whoever takes them: quarantined, handed out alone, or kept from going round for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F
from django.test import override_settings

from jobs.actors import Actor
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.models import Job
from jobs.outcomes import Report
from tests.factories import HOLDER, OTHER, PRODUCER, STAFF, JobFactory, claimed, running
from tests.jobs.lapses import due, expire, let_pass, lose
from tests.ledger import assert_sound, entries

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_the_third_lost_run_within_three_days_is_the_last_though_attempts_are_left() -> None:
    job = JobFactory(max_attempts=9)
    for holder in (HOLDER, OTHER):
        lose(job, holder)
        assert (job.status, job.error_category, job.quarantined_at) == ("queued", "lease_lost", None)
        let_pass(job, 30 * HOUR)
    lose(job)

    assert (job.status, job.error_category, job.attempts) == ("failed", "lease_lost", 3)
    entry = entries(job)[-1]
    assert job.quarantined_at == entry.at
    assert entry.reason is not None
    assert entry.reason.endswith("Lost 3 of 3 times within 72 h: quarantined, not tried again by itself.")
    assert_sound(job.id)


def test_the_evidence_names_each_loss_when_where_and_which_claim() -> None:
    job = JobFactory(max_attempts=9)
    for holder in (HOLDER, OTHER, HOLDER):
        lose(job, holder)

    failed = [entry for entry in entries(job) if entry.action == "fail"]
    detail = failed[-1].detail
    assert detail is not None
    assert [(loss["orchestratorId"], loss["epoch"]) for loss in detail["losses"]] == [("orch-1", 1), ("orch-2", 2), ("orch-1", 3)]
    assert [datetime.fromisoformat(loss["at"]) for loss in detail["losses"]] == [entry.at for entry in failed]
    assert job.lease_losses == [entry.at for entry in failed]


def test_runs_lost_longer_ago_are_not_counted() -> None:
    job = JobFactory(max_attempts=9)
    for _ in range(4):
        lose(job)
        let_pass(job, 37 * HOUR)

    assert (job.status, job.quarantined_at) == ("queued", None)


def test_only_lost_runs_count_not_failures_timeouts_and_claims() -> None:
    job = JobFactory(max_attempts=9)
    for _ in range(2):
        lose(job)
    running(due(job)).fail(Report(error="it broke", retry_after_seconds=0), by=HOLDER)
    claimed(due(job))
    expire(job)
    running(due(job))
    Job.objects.filter(id=job.id).update(started_at=F("started_at") - timedelta(seconds=job.timeout_seconds + 120))
    expire(job)

    assert (job.status, job.error_category, job.quarantined_at) == ("queued", "timeout", None)
    lose(job)
    assert (job.status, job.quarantined_at is None) == ("failed", False)


@pytest.mark.parametrize("who", [STAFF, PRODUCER])
def test_a_retry_that_somebody_asks_for_counts_anew(who: Actor) -> None:
    job = JobFactory(max_attempts=9)
    for _ in range(3):
        lose(job)
    job.retry(by=who)

    job.refresh_from_db()
    assert (job.status, job.quarantined_at, job.lease_losses) == ("queued", None, None)
    lose(job)
    assert (job.status, job.quarantined_at) == ("queued", None)


@override_settings(LEASE_LOSSES_ALLOWED=2, LEASE_LOSSES_WITHIN_SECONDS=7200)
def test_an_operator_can_change_how_many_within_what_time() -> None:
    job = JobFactory(max_attempts=9)
    for span in (3 * HOUR, HOUR):
        lose(job)
        assert job.status == "queued"
        let_pass(job, span)
    lose(job)

    assert job.quarantined_at is not None
    assert "Lost 2 of 2 times within 2 h: quarantined" in (entries(job)[-1].reason or "")


def wasted(times: int, **fields: object) -> Job:
    """A job that was claimed so often and never acknowledged."""
    job = JobFactory(**fields)
    for _ in range(times):
        claimed(job)
        expire(job)
    return job


@pytest.mark.parametrize(("times", "sizes"), [(1, [3]), (2, [1, 2]), (4, [1, 2])])
def test_a_job_claimed_twice_and_never_acknowledged_is_handed_out_alone(times: int, sizes: list[int]) -> None:
    suspect = wasted(times, type="work", priority=90)
    enqueue([NewJob(type="work") for _ in range(2)], by=PRODUCER)

    batches = [claim(by=HOLDER, batch_size=10).jobs for _ in sizes]
    assert [len(batch) for batch in batches] == sizes
    assert batches[0][0].id == suspect.id
    assert claim(by=HOLDER, batch_size=10).jobs == []


def test_it_waits_behind_better_jobs_and_then_goes_alone_in_its_turn() -> None:
    suspect, other = wasted(2, type="a", priority=10), wasted(3, type="b", priority=20)
    best = enqueue([NewJob(type=name, priority=90) for name in ("a", "b", "c")], by=PRODUCER)
    worst = enqueue([NewJob(type=name, priority=1) for name in ("a", "b")], by=PRODUCER)

    batches = [[job.id for job in claim(by=HOLDER, batch_size=50).jobs] for _ in range(4)]
    first = {job.id for job in [*best, *worst]}
    assert set(batches[0]) == first
    assert batches[1:] == [[other.id], [suspect.id], []]


def test_where_better_jobs_come_without_end_it_waits_no_longer_than_a_claim_lasts() -> None:
    suspect = wasted(2, type="a", priority=10)
    best = enqueue([NewJob(type="a", priority=90) for _ in range(3)], by=PRODUCER)
    long_ago = datetime.now(UTC) - timedelta(seconds=61)
    Job.objects.filter(id=suspect.id).update(updated_at=long_ago, scheduled_for=long_ago)

    batches = [[job.id for job in claim(by=HOLDER, batch_size=10).jobs] for _ in range(3)]
    assert batches == [[suspect.id], [job.id for job in best], []]


@pytest.mark.parametrize("answer", ["fail", "release"])
def test_a_claim_that_was_answered_breaks_the_row(answer: str) -> None:
    job = wasted(4, type="work", max_attempts=9)
    Job.objects.filter(id=job.id).update(due=True)
    claimed(job)
    job.fail(Report(error="no such image"), by=HOLDER) if answer == "fail" else job.release(by=HOLDER)
    Job.objects.filter(id=job.id).update(due=True, scheduled_for=datetime.now(UTC))
    claimed(job)
    expire(job)

    assert (job.status, job.claim_losses) == ("queued", 1)


def test_once_it_was_acknowledged_it_comes_with_others_again() -> None:
    suspect = wasted(2, type="work", priority=90)
    claimed(suspect).acknowledge(by=HOLDER)
    suspect.release(by=HOLDER)
    enqueue([NewJob(type="work")], by=PRODUCER)

    assert len(claim(by=HOLDER, batch_size=10).jobs) == 2


def test_the_fifth_claim_that_nobody_acknowledged_says_so() -> None:
    job = wasted(5, max_attempts=3)

    assert (job.status, job.error_category, job.quarantined_at) == ("failed", "system", None)
    assert job.last_error == 'Claimed 5 times and never acknowledged in time, last by "orch-1"'
    assert (entries(job)[-1].reason or "").endswith("the 5. of 5 in a row.")
