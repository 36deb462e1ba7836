"""Phase and progress: beside the life of a job, and rarely enough that they cost nothing."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.db.models import F

from jobs import progress
from jobs.lifecycle import HOLD
from jobs.models import Job
from jobs.outcomes import Report, judge
from jobs.progress import Note
from jobs.transitions import Step
from tests.factories import HOLDER, OTHER, JobFactory, claimed
from tests.ledger import actions, assert_sound

pytestmark = pytest.mark.django_db


def note(job: Job, *, action: str = HOLD, phase: str | None = None, progress_: object = None) -> tuple[str | None, object]:
    """Says how far the job has got; tells what is stored then."""
    (ruling,) = progress.report([(Step(job_id=job.id, action=action), Note(phase=phase, progress=progress_))], by=HOLDER)
    job.refresh_from_db()
    assert (ruling.known_job.phase, ruling.known_job.progress) == (job.phase, job.progress)
    return job.phase, job.progress


def let_a_second_pass(job: Job) -> None:
    Job.objects.filter(id=job.id).update(progress_at=F("progress_at") - timedelta(seconds=1))


def test_of_a_burst_the_first_note_is_stored_whether_it_is_phase_or_progress() -> None:
    job = JobFactory(status="running")

    assert note(job, progress_=1) == (None, 1)
    assert note(job, progress_=2) == (None, 1)
    assert note(job, phase="packing") == (None, 1)
    let_a_second_pass(job)
    assert note(job, phase="packing") == ("packing", 1)
    assert note(job, progress_=3) == ("packing", 1)
    let_a_second_pass(job)
    assert note(job, phase="sending", progress_=4) == ("sending", 4)


def test_what_says_nothing_new_keeps_no_later_note_out() -> None:
    job = JobFactory(status="running")
    note(job, phase="packing", progress_=1)
    let_a_second_pass(job)
    note(job, phase="packing")
    note(job, progress_=1)

    assert note(job, progress_=2) == ("packing", 2)


def test_what_comes_with_a_start_is_stored_with_it() -> None:
    job = JobFactory(status="claimed")
    note(job, phase="preparing")

    assert note(job, action="start", phase="running", progress_=0) == ("running", 0)
    assert note(job, action="start", phase="again") == ("running", 0)


def test_a_note_is_no_change_of_the_job() -> None:
    job = JobFactory(status="running")
    before = (job.status, job.updated_at, actions(job))
    note(job, phase="packing", progress_={"percentage": 5})

    assert (job.status, job.updated_at, actions(job)) == before
    assert_sound(job.id)


def test_a_new_claim_begins_without_the_notes_of_the_last() -> None:
    job = JobFactory(status="running")
    note(job, phase="packing", progress_=1)
    job.release(by=HOLDER)
    assert (job.phase, job.progress) == (None, None)
    claimed(job)

    assert note(job, phase="preparing") == ("preparing", None)


def test_of_many_jobs_only_those_that_are_held_take_a_note() -> None:
    mine, theirs, ended = JobFactory(status="running"), JobFactory(status="running", holder=OTHER), JobFactory(status="completed")
    told = [(Step(job_id=job_id, action=HOLD), Note(progress=7)) for job_id in (ended.id, mine.id, "job_none", theirs.id)]

    assert [ruling.verdict for ruling in progress.report(told, by=HOLDER)] == ["already_finished", "held", "not_found", "not_owner"]
    assert [Job.objects.get(id=job.id).progress for job in (ended, mine, theirs)] == [None, 7, None]


def test_reports_and_notes_are_stored_together_or_not_at_all(sql: Callable[..., object], at_commit: Callable[[], None]) -> None:
    ends, goes_on = JobFactory(status="running"), JobFactory(status="running")
    at_commit()
    sql("alter table jobs add check (phase <> 'impossible')")
    told = [
        (Step.ending(judge(Report(exit_code=0)), job_id=ends.id), None),
        (Step(job_id=goes_on.id, action=HOLD), Note(phase="impossible")),
    ]
    with pytest.raises(IntegrityError):
        progress.report(told, by=HOLDER)

    assert Job.objects.get(id=ends.id).status == "running"
    assert_sound(ends.id)
