"""Jobs that harm whoever takes them: quarantined, handed out alone, or kept from going round for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F
from django.test import override_settings

from jobs.actors import Actor, Holder
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.models import Job
from jobs.outcomes import Report
from jobs.sweeps import sweep
from tests.factories import HOLDER, OTHER, PRODUCER, STAFF, JobFactory, claimed, running
from tests.ledger import assert_sound, entries

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def lose(job: Job, holder: Holder = HOLDER) -> None:
    """A run of the job is lost."""
    Job.objects.filter(id=job.id, status="queued").update(due=True, scheduled_for=datetime.now(UTC))
    running(job, holder)
    expire(job)


def expire(job: Job) -> None:
    Job.objects.filter(id=job.id).update(lease_expires_at=datetime.now(UTC) - timedelta(seconds=1))
    sweep(by=Actor.sweep(), force=True)
    job.refresh_from_db()


def let_pass(job: Job, span: timedelta) -> None:
    """Moves what the job remembers into the past."""
    job.refresh_from_db()
    for name in ("lease_losses", "releases"):
        moments = getattr(job, name)
        Job.objects.filter(id=job.id).update(**{name: moments and [moment - span for moment in moments]})


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
    running(_due(job)).fail(Report(error="it broke", retry_after_seconds=0), by=HOLDER)
    claimed(_due(job))
    expire(job)
    running(_due(job))
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


def give_back(job: Job, times: int, *, by: Holder = HOLDER) -> None:
    for _ in range(times):
        claimed(job, by).release(by=by)


def test_a_job_that_is_given_back_ten_times_within_an_hour_fails_and_says_so() -> None:
    job = JobFactory(max_attempts=9)
    give_back(job, 5)
    give_back(job, 4, by=OTHER)
    assert (job.status, job.attempts) == ("queued", 0)
    ruling = claimed(job).release(by=HOLDER, reason="no room")

    assert (ruling.act, ruling.next_action) == ("fail", "continue")
    job.refresh_from_db()
    assert (job.status, job.error_category, job.attempts) == ("failed", "system", 1)
    assert job.last_error == 'Given back 10 times within 60 min, last by "orch-1": nobody seems to be able to run it'
    entry = entries(job)[-1]
    assert (entry.actor, entry.reason, entry.detail) == (
        "orch-1",
        f"{job.last_error}.",
        {"rule": "release_loop", "error": job.last_error, "message": "no room"},
    )
    assert job.fingerprint is not None
    assert_sound(job.id)


def test_the_release_that_failed_it_is_known_again_when_it_is_sent_again() -> None:
    from jobs.transitions import Step, apply_one

    job = JobFactory()
    give_back(job, 9)
    step = Step(job_id=claimed(job).id, action="release", epoch=10, digest="ab" * 32)
    apply_one(step, by=HOLDER)

    assert apply_one(step, by=HOLDER).verdict == "replayed"


def test_given_back_over_more_than_an_hour_it_goes_on() -> None:
    job = JobFactory()
    for _ in range(3):
        give_back(job, 8)
        let_pass(job, HOUR)

    assert Job.objects.get(id=job.id).status == "queued"


def test_what_staff_take_back_and_claims_nobody_acknowledged_are_not_counted() -> None:
    job = JobFactory()
    give_back(job, 9)
    for _ in range(3):
        claimed(job).release(by=STAFF)
    claimed(job)
    expire(job)

    assert job.status == "queued"
    give_back(job, 1)
    assert Job.objects.get(id=job.id).status == "failed"


def test_acknowledged_claims_that_run_out_are_counted_and_swept_as_a_loop() -> None:
    job = JobFactory()
    for number in range(10):
        claimed(job).acknowledge(by=HOLDER)
        Job.objects.filter(id=job.id).update(lease_expires_at=datetime.now(UTC))
        (swept,) = sweep(by=Actor.sweep()).swept
        assert swept.rule == ("release_loop" if number == 9 else "lease_lost")

    job.refresh_from_db()
    assert (job.status, job.error_category, job.attempts) == ("failed", "system", 1)
    assert (entries(job)[-1].actor_kind, entries(job)[-1].reason) == ("sweep", f"{job.last_error}.")
    assert job.fingerprint is not None
    assert_sound(job.id)


def test_a_retry_lets_it_be_given_back_again() -> None:
    job = JobFactory()
    give_back(job, 10)
    job.retry(by=STAFF)
    give_back(job, 9)

    assert Job.objects.get(id=job.id).status == "queued"


@override_settings(RELEASES_ALLOWED=2, RELEASES_WITHIN_SECONDS=60)
def test_an_operator_can_change_how_often_within_what_time() -> None:
    job = JobFactory()
    give_back(job, 1)
    let_pass(job, timedelta(seconds=61))
    give_back(job, 1)
    assert Job.objects.get(id=job.id).status == "queued"
    give_back(job, 1)

    assert Job.objects.get(id=job.id).last_error == 'Given back 2 times within 1 min, last by "orch-1": nobody seems to be able to run it'


def _due(job: Job) -> Job:
    Job.objects.filter(id=job.id).update(due=True, scheduled_for=datetime.now(UTC))
    return job
