"""Seeded jobs are as sound as those that were made and run, and the same each time."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from jobs.demo import seeding
from jobs.demo.catalogue import KINDS
from jobs.demo.lives import Lives
from jobs.lifecycle import Status
from jobs.models import Attempt, AuditEntry, FailureGroup, Job, LogLine
from jobs.rollup import moves
from tests.factories import JobFactory
from tests.ledger import assert_sound


def test_a_seed_makes_sound_jobs_of_every_status_and_type_with_their_groups_and_figures(live_db: str) -> None:
    call_command("seed_jobs", count=1500)

    for job_id in Job.objects.values_list("id", flat=True)[::5]:
        assert_sound(job_id)
    assert Job.objects.count() == 1500
    assert {*Job.objects.values_list("status", flat=True)} == {*Status}
    assert {*Job.objects.values_list("type", flat=True)} == {kind.name for kind in KINDS}
    assert 3 <= AuditEntry.objects.count() / 1500 <= 5
    assert Attempt.objects.exists()
    assert LogLine.objects.exists()
    failures = AuditEntry.objects.filter(action="fail").count()
    assert sum(FailureGroup.objects.values_list("failures", flat=True)) == failures
    assert sum(moved.jobs for moved in moves() if moved.to_status == Status.FAILED) == failures
    assert not Job.objects.filter(created_at__gt=datetime.now(UTC)).exists()


def test_the_guards_of_the_database_stand_again_afterwards(live_db: str) -> None:
    seeding.seed(count=10, now=datetime.now(UTC), over=timedelta(days=1), chance=1)

    job = JobFactory(status="completed")
    assert_sound(job.id)
    call_command("check")


def test_the_same_seed_makes_the_same_jobs() -> None:
    def made(seed: int) -> list[dict[str, object]]:
        return [life.job for life in Lives(count=50, now=datetime(2026, 1, 1, tzinfo=UTC), over=timedelta(days=3), seed=seed)]

    assert made(7) == made(7)
    assert made(7) != made(8)


def test_most_jobs_end_well_at_any_size() -> None:
    lives = Lives(count=3000, now=datetime(2026, 1, 1, tzinfo=UTC), over=timedelta(days=30), seed=1)
    ends = Counter(life.entries[-1]["to_status"] for life in lives)

    assert ends["completed"] > 0.8 * 3000
    assert ends["failed"] > 0.02 * 3000


def test_jobs_are_added_to_others_only_when_that_is_asked_for(live_db: str) -> None:
    JobFactory()
    with pytest.raises(CommandError, match="--add"):
        call_command("seed_jobs", count=5)

    call_command("seed_jobs", count=5, add=True)

    assert Job.objects.count() == 6


def test_production_is_seeded_only_by_who_really_means_it(db: None) -> None:
    with override_settings(PRODUCTION=True), pytest.raises(CommandError, match="--yes-really"):
        call_command("seed_jobs", count=5)
