"""What is said of a type: who may say what, and how it stands in the audit log."""

from typing import Any

import pytest
from django.db import IntegrityError

from jobs import job_types, pausing
from jobs.actors import Actor
from jobs.enqueueing import NewJob, enqueue
from jobs.failures import Category
from jobs.job_types import PolicyRefused
from jobs.models import AuditEntry, JobType
from jobs.pausing import Subject
from jobs.policies import BOUNDS
from tests.factories import PRODUCER, STAFF

pytestmark = pytest.mark.django_db
WHY = "the supplier allows two at a time"


def configure(name: str = "report", /, **changes: Any) -> dict[str, Any]:
    return job_types.configure(name, by=STAFF, reason=WHY, **changes)


def test_every_change_stands_in_the_audit_log(staff: Actor) -> None:
    configure(max_attempts=3, backoff_base_seconds=30)
    configure(max_attempts=None, backoff_base_seconds=30, retryable_categories=["timeout", "network", "timeout"])

    entries = AuditEntry.objects.order_by("id")
    assert {(entry.action, entry.subject_type, entry.subject_id, entry.actor, entry.reason, entry.job_id) for entry in entries} == {
        ("configure", "type", "report", staff.name, WHY, None)
    }
    assert [entry.detail for entry in entries] == [
        {"changes": {"maxAttempts": {"from": None, "to": 3}, "backoffBaseSeconds": {"from": None, "to": 30}}},
        {"changes": {"maxAttempts": {"from": 3, "to": None}, "retryableCategories": {"from": None, "to": ["network", "timeout"]}}},
    ]


def test_what_is_so_already_is_not_written_again() -> None:
    assert configure(concurrency_limit=2) == {"concurrency_limit": {"from": None, "to": 2}}
    assert configure(concurrency_limit=2, max_attempts=None) == {}
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize("part", BOUNDS)
def test_the_smallest_and_the_largest_value_are_taken(part: str) -> None:
    for value in BOUNDS[part]:
        configure(**{part: value})
        assert getattr(JobType.objects.get(name="report"), part) == value


@pytest.mark.parametrize("beyond", ["below", "above"])
@pytest.mark.parametrize("part", BOUNDS)
def test_a_value_out_of_range_is_refused_here_and_by_the_database_itself(part: str, beyond: str) -> None:
    least, most = BOUNDS[part]
    value = least - 1 if beyond == "below" else most + 1
    with pytest.raises(PolicyRefused, match=f"{value} is out of range") as refused:
        configure(**{part: value, "retryable_categories": []})
    assert refused.value.part == part
    assert not JobType.objects.exists()
    with pytest.raises(IntegrityError, match=f"job_types_{part}"):
        JobType.objects.create(name="report", **{part: value})


@pytest.mark.parametrize(
    ("name", "changes", "part"),
    [
        ("report", {"retryable_categories": ["network", "bad luck"]}, "retryable_categories"),
        ("", {"max_attempts": 2}, "name"),
        ("a type", {"max_attempts": 2}, "name"),
        ("x" * 101, {"max_attempts": 2}, "name"),
        ("a\0", {"max_attempts": 2}, "name"),
    ],
)
def test_what_no_type_can_be_called_and_no_category_is_are_refused(name: str, changes: dict[str, Any], part: str) -> None:
    with pytest.raises(PolicyRefused) as refused:
        configure(name, **changes)
    assert refused.value.part == part
    assert not AuditEntry.objects.exists()


def test_every_category_may_be_named() -> None:
    configure(retryable_categories=[*Category])
    assert JobType.objects.get(name="report").retryable_categories == sorted(Category)


def test_a_type_is_known_by_its_first_job_its_pause_or_what_is_said_of_it(staff: Actor) -> None:
    enqueue([NewJob(type="by-job"), NewJob(type="by-job")], by=PRODUCER)
    pausing.pause(by=staff, reason=WHY, subject=Subject.type("by-pause"))
    configure("by-word", max_attempts=2)

    assert [job_type.name for job_type in JobType.objects.order_by("name")] == ["by-job", "by-pause", "by-word"]
