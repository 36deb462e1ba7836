"""An outage of jobsite does not fail the fleet's work: when sweeps end no running lease, and for how long."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models.functions import Now

from jobs import watch
from jobs.actors import Actor
from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.models import Job, Watch
from jobs.sweeps import Sweep, sweep
from tests.factories import HOLDER, PRODUCER
from tests.jobs.outage import LEASE, expire, overdue, pass_by, running, swept
from tests.ledger import assert_sound

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("count", "expired", "ended"),
    [(10, 10, 10), (11, 11, 0), (32, 11, 0), (33, 11, 11), (34, 11, 11), (30, 10, 10), (60, 20, 20), (59, 20, 0)],
)
def test_more_than_ten_and_more_than_a_third_of_the_running_leases_are_too_many(count: int, expired: int, ended: int) -> None:
    running(count, expired=expired)

    assert swept() == ended
    assert (watch.brake() is None) == (ended > 0)
    assert Job.objects.filter(status="failed").count() == ended


def test_claims_are_not_counted_and_not_kept() -> None:
    jobs = running(20, expired=20)
    enqueue([NewJob(type="other") for _ in range(100)], by=PRODUCER)
    expire(claim(by=HOLDER, batch_size=100, job_types=["other"]).jobs)
    done = sweep(by=Actor.sweep())

    assert {one.rule for one in done.swept} == {"unacknowledged"}
    assert len(done.swept) == 100
    assert done.brake is not None
    assert (done.brake.reason, done.brake.kept, done.brake.until) == (
        "20 of 20 running leases ran out at once",
        20,
        done.brake.since + LEASE,
    )
    assert Job.objects.filter(status="running").count() == len(jobs)


def test_a_small_limit_does_not_hide_how_many_there_are() -> None:
    running(20, expired=20)

    assert swept(limit=5) == 0


def test_after_a_lease_period_those_that_were_kept_are_ended_without_a_new_brake() -> None:
    jobs = running(20, expired=20)
    assert swept() == 0
    pass_by(LEASE - timedelta(seconds=10))
    assert swept() == 0
    pass_by(timedelta(seconds=11))

    assert swept() == 20
    assert watch.brake() is None
    for job in jobs:
        assert_sound(job.id)


def test_those_that_run_out_under_the_brake_get_a_period_of_their_own_and_keep_nobody_else_longer() -> None:
    jobs = running(40, expired=20)
    assert swept() == 0
    pass_by(timedelta(seconds=1))
    expire(jobs[20:])
    pass_by(LEASE)
    first = sweep(by=Actor.sweep())

    assert {one.job_id for one in first.swept} == {job.id for job in jobs[:20]}
    assert first.brake is not None
    assert first.brake.kept == 20
    pass_by(LEASE)
    assert swept() == 20


def served_and_fresh() -> None:
    """Twenty that have had their lease period under a brake, of which a sweep has ended five, and twenty that are kept by the next one."""
    jobs = running(40, expired=20)
    assert swept() == 0
    pass_by(timedelta(seconds=1))
    expire(jobs[20:])
    pass_by(LEASE)
    assert swept(limit=5) == 5


def test_whom_a_small_limit_left_behind_is_not_kept_by_the_next_brake() -> None:
    served_and_fresh()

    assert swept() == 15
    assert swept() == 0


def test_after_an_outage_everybody_is_kept_anew() -> None:
    served_and_fresh()
    overdue("web")
    watch.sign("web", again_within=120)

    assert swept() == 0
    pass_by(LEASE + timedelta(seconds=1))
    assert swept() == 35


def test_cancels_that_are_due_anyway_are_not_counted() -> None:
    jobs = running(20, expired=13)
    for job in jobs[:5]:
        job.cancel(by=PRODUCER)
    Job.objects.filter(cancel_requested_at__isnull=False).update(cancel_requested_at=Now() - timedelta(seconds=61))

    assert swept() == 13


def test_force_overrides_the_brake() -> None:
    running(20, expired=20)
    assert swept() == 0

    assert swept(force=True) == 20


@pytest.mark.parametrize("role", ["sweeper", "web"])
def test_after_somebody_was_away_the_brake_holds_for_a_lease_period(role: watch.Role) -> None:
    running(3, expired=2)
    watch.sign(role, again_within=30)
    assert watch.brake() is None
    pass_by(timedelta(seconds=31))
    missing = watch.brake()
    assert missing is not None
    assert (missing.until, missing.kept, missing.reason.endswith("is away")) == (None, 2, True)

    watch.sign(role, again_within=120)
    assert swept() == 0
    pass_by(LEASE - timedelta(seconds=10))
    assert swept() == 0
    pass_by(timedelta(seconds=11))
    assert swept() == 2


def test_no_sweep_ends_a_running_lease_while_the_web_server_is_away() -> None:
    running(2, expired=2)
    overdue("web")

    assert [swept() for _ in range(3)] == [0, 0, 0]
    pass_by(10 * LEASE)
    assert swept() == 0


def test_a_sweep_that_comes_once_answers_for_a_loop_that_is_gone_but_once() -> None:
    running(2, expired=2)
    overdue("sweeper")
    assert swept() == 0
    pass_by(LEASE + timedelta(seconds=1))

    assert swept() == 2
    assert Watch.objects.get().sweeper_due_by is None


def test_a_loop_that_keeps_its_promise_sweeps_on() -> None:
    for _ in range(3):
        running(1, expired=1)
        assert swept(again_within=30) == 1
        pass_by(timedelta(seconds=29))


def test_who_was_away_while_nothing_ran_is_not_worth_a_brake() -> None:
    watch.sign("web", again_within=30)
    pass_by(LEASE)
    watch.sign("web", again_within=30)

    assert watch.brake() is None


def test_an_outage_is_measured_anew_although_a_brake_held_before() -> None:
    running(20, expired=20)
    assert swept(again_within=30) == 0
    pass_by(10 * LEASE)

    assert swept(again_within=120) == 0, "the sweeper was away: nobody had a quiet lease period"
    pass_by(LEASE + timedelta(seconds=1))
    assert swept(again_within=120) == 20


def test_cancels_that_nobody_obeyed_are_forced_although_the_brake_holds() -> None:
    overdue_one, pending = running(2)
    for job in (overdue_one, pending):
        job.cancel(by=PRODUCER)
    expire([pending])
    Job.objects.filter(id=overdue_one.id).update(cancel_requested_at=Now() - timedelta(seconds=61))
    overdue("web")
    done = sweep(by=Actor.sweep())

    assert [(one.job_id, one.rule) for one in done.swept] == [(overdue_one.id, "cancel_overdue")]


def test_a_run_past_its_timeout_is_kept_too() -> None:
    (job,) = running(1, timeout_seconds=1)
    pass_by(timedelta(seconds=122))
    overdue("web")
    assert swept() == 0

    Watch.objects.update(web_due_by=None)
    assert swept() == 1
    assert Job.objects.get(id=job.id).error_category == "timeout"


def test_the_brake_is_told_in_the_log_when_it_is_engaged_and_when_it_is_over(
    caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    caplog.set_level(logging.WARNING, logger="jobs.watch")
    running(20, expired=20)
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            swept()
    (engaged,) = caplog.messages
    assert "20 of 20 running leases ran out at once" in engaged
    caplog.clear()
    pass_by(LEASE + timedelta(seconds=1))
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            swept()

    assert caplog.messages == ["The brake is over: sweeps end running leases again."]


def test_the_command_tells_of_the_brake_and_can_be_forced(capsys: pytest.CaptureFixture[str]) -> None:
    running(20, expired=20)
    call_command("sweep_stuck_jobs", format="json")
    told = json.loads(capsys.readouterr().out)
    assert (told["swept"], told["brake"]["kept"]) == ([], 20)
    call_command("sweep_stuck_jobs")
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("The brake holds since ")
    assert "20 of 20 running leases ran out at once" in said[0]

    call_command("sweep_stuck_jobs", format="json", force=True)
    told = json.loads(capsys.readouterr().out)
    assert (len(told["swept"]), told["brake"]) == (20, None)


def test_a_dry_run_foretells_the_brake_and_does_not_engage_it() -> None:
    running(20, expired=20)
    foretold: Sweep = sweep(by=Actor.sweep(), dry_run=True)

    assert foretold.brake is not None
    assert foretold.swept == []
    assert watch.brake() is None


def test_a_dry_run_says_nothing_in_the_log(caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any) -> None:
    caplog.set_level(logging.WARNING, logger="jobs.watch")
    running(20, expired=20)
    with django_capture_on_commit_callbacks(execute=True):
        sweep(by=Actor.sweep(), dry_run=True)

    assert caplog.messages == []
