"""Bulk operations that nobody asks about any more are forgotten."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from jobs import bulk, chores
from jobs.bulk import Selection
from jobs.models import AuditEntry, BulkItem, BulkOperation, CanaryRetry, FailureGroup
from tests.factories import STAFF, JobFactory, grouped
from tests.jobs.bulk_operations import WHY, acts_on, carried_out, confirmed

pytestmark = pytest.mark.django_db


def test_what_nobody_confirms_within_a_day_is_forgotten_with_its_items_and_nothing_else_is(sql: Callable[..., object]) -> None:
    job = JobFactory(status="failed")
    old, young, begun = (bulk.create("retry", Selection(ids=[job.id]), by=STAFF) for _ in range(3))
    bulk.confirm(begun.id, by=STAFF, reason=WHY)
    sql("update bulk_operations set created_at = now() - interval '25 hours' where id <> %s", young.id)

    assert bulk.forget_previews() is False
    assert set(BulkOperation.objects.values_list("id", flat=True)) == {young.id, begun.id}
    assert set(BulkItem.objects.values_list("operation_id", flat=True)) == {young.id, begun.id}
    assert acts_on(old) == ["create"]


def test_a_preview_that_was_stopped_is_forgotten_like_one_that_was_not(sql: Callable[..., object]) -> None:
    job = JobFactory(status="failed")
    old, young, begun = (bulk.create("retry", Selection(ids=[job.id]), by=STAFF) for _ in range(3))
    bulk.confirm(begun.id, by=STAFF, reason=WHY)
    for operation in (old, young, begun):
        bulk.stop(operation.id, by=STAFF)
    sql("update bulk_operations set created_at = now() - interval '25 hours' where id <> %s", young.id)

    assert bulk.forget_previews() is False
    assert set(BulkOperation.objects.values_list("id", flat=True)) == {young.id, begun.id}
    assert set(BulkItem.objects.values_list("operation_id", flat=True)) == {young.id, begun.id}
    assert acts_on(old) == ["create", "stop"]


def _ended_ago(operation: BulkOperation, span: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("update bulk_operations set ended_at = now() - %s::interval where id = %s", [span, operation.id])


def test_what_ended_is_forgotten_when_failed_jobs_are_and_its_history_stays() -> None:
    alike = [JobFactory(status="failed", type="report") for _ in range(2)]
    group = grouped(alike[0])
    retried = bulk.retry_group(group.fingerprint, by=STAFF, reason=WHY, canaries=1)
    bulk.stop(retried.id, by=STAFF)
    done = carried_out(confirmed("edit", Selection(ids=[JobFactory().id]), priority=90))
    young = carried_out(confirmed("edit", Selection(ids=[JobFactory().id]), priority=90))
    paused = bulk.pause(confirmed("retry", Selection(ids=[alike[1].id])).id, by=STAFF)
    for operation in (retried, done):
        _ended_ago(operation, "90 days 1 minute")
    _ended_ago(young, "89 days")

    assert CanaryRetry.objects.count() == 1
    assert chores.forget_bulk_operations() is False
    left = {young.id, paused.id}
    assert set(BulkOperation.objects.values_list("id", flat=True)) == left
    assert set(BulkItem.objects.values_list("operation_id", flat=True)) == left
    assert CanaryRetry.objects.count() == 0
    assert acts_on(done) == ["create", "confirm", "finish"]
    assert AuditEntry.objects.filter(request_id=done.id, action="edit").count() == 1
    assert FailureGroup.objects.filter(pk=group.pk).exists()


@pytest.mark.parametrize(("kept", "ago", "left"), [(None, "20 years", 1), (timedelta(0), "23 hours", 1), (timedelta(0), "25 hours", 0)])
def test_what_ended_is_kept_for_ever_where_failed_jobs_are_and_else_for_a_day_at_least(
    kept: timedelta | None, ago: str, left: int, settings: Any
) -> None:
    settings.KEEP_FAILED = kept
    _ended_ago(carried_out(confirmed("edit", Selection(ids=[JobFactory().id]), priority=90)), ago)
    bulk.forget_ended()

    assert BulkOperation.objects.count() == BulkItem.objects.count() == left


def test_what_is_forgotten_goes_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bulk.operations._FORGOTTEN_AT_ONCE", 2)
    for _ in range(3):
        _ended_ago(carried_out(confirmed("edit", Selection(ids=[JobFactory().id]), priority=90)), "91 days")

    assert [chores.forget_bulk_operations() for _ in range(2)] == [True, False]
    assert not BulkOperation.objects.exists()
