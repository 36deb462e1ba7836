"""Jobs that are given back again and again do not go round for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import override_settings

from jobs import transitions
from jobs.actors import Actor, Holder
from jobs.models import Job
from jobs.rules import EVERYTHING
from jobs.sweeps import sweep
from jobs.transitions import Step, apply
from tests.factories import HOLDER, OTHER, STAFF, JobFactory, claimed
from tests.jobs.lapses import expire, let_pass
from tests.ledger import assert_sound, entries

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


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
        {"rule": "release_loop", "category": "system", "error": job.last_error, "message": "no room"},
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


def test_a_release_sent_again_is_answered_like_the_first_time_though_the_next_would_fail_it() -> None:
    job = JobFactory()
    for number in range(9):
        claimed(job)
        step = Step(job_id=job.id, action="release", epoch=job.epoch, digest=f"{number:064x}")
        (first,) = apply([step], by=HOLDER)
    (again,) = apply([step], by=HOLDER)

    assert (first.verdict, again.verdict) == ("applied", "replayed")
    assert first.next_action == again.next_action == "continue"


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


def test_a_loop_whose_hour_passes_between_two_looks_at_the_clock_is_given_back_and_says_why() -> None:
    job = JobFactory()
    give_back(job, 9)
    claimed(job).acknowledge(by=HOLDER)
    now = datetime.now(UTC)
    Job.objects.filter(id=job.id).update(lease_expires_at=now, releases=[now - HOUR + timedelta(minutes=1)] * 9)
    with connection.cursor() as cursor:
        # A clock that goes forward by two minutes at each look.
        cursor.execute("""create schema hasty; create sequence hasty.looks minvalue 0;
            create function hasty.clock_timestamp() returns timestamptz language sql volatile as
            $f$ select pg_catalog.clock_timestamp() + nextval('hasty.looks') * interval '2 minutes' $f$;
            set local search_path = hasty, public, pg_catalog""")
    (swept,) = transitions.apply_stuck(by=Actor.sweep(), narrowing=EVERYTHING, limit=1, running_ended_by="infinity")

    assert (swept["rule"], swept["became"]) == ("release_loop", "queued")
    assert swept["reason"].startswith("orch-1 acknowledged it at ")
    assert entries(job)[-1].reason == swept["reason"]


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
