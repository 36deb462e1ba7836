"""Bulk operations are carried out in turn, and what goes wrong with one job or one operation harms no other."""

from collections.abc import Callable

import pytest
from django.db import Error
from django.db.models.functions import Now

from jobs import bulk
from jobs.bulk import Selection
from jobs.lifecycle import Status
from jobs.models import BulkOperation
from tests.factories import JobFactory
from tests.jobs.bulk_operations import FAILED, carried_out, confirmed, items_of
from tests.ledger import assert_sound

pytestmark = pytest.mark.django_db


def test_operations_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bulk.running.BATCH", 1)
    for _ in range(2):
        JobFactory(status="failed", type="first")
        JobFactory(status="failed", type="second")
    operations = [confirmed("retry", Selection(filter={"type": name})) for name in ("first", "second")]

    bulk.run_batch()
    bulk.run_batch()
    assert list(BulkOperation.objects.order_by("id").values_list("changed", flat=True)) == [1, 1]
    assert [carried_out(operation).changed for operation in operations] == [2, 2]


def test_one_job_that_the_database_refuses_fails_alone(sql: Callable[..., object]) -> None:
    jobs = [JobFactory(status="failed") for _ in range(9)]
    bad = jobs[4]
    sql("create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not this one'; end $$")
    sql(f"create trigger refuses before update on jobs for each row when (old.id = '{bad.id}') execute function refuse()")
    operation = carried_out(confirmed("retry", FAILED))

    assert (operation.state, operation.changed, operation.failed) == ("done", 8, 1)
    assert items_of(operation)[bad.id] == ("failed", "the database refused: not this one")
    for job in jobs:
        assert_sound(job.id)


def test_a_batch_that_breaks_off_has_done_nothing(sql: Callable[..., object]) -> None:
    job = JobFactory(status="failed")
    operation = confirmed("retry", FAILED)
    sql("create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not now'; end $$")
    sql("create trigger refuses before update on bulk_operations for each row execute function refuse()")
    with pytest.raises(Error, match="not now"):
        bulk.run_batch()
    sql("drop trigger refuses on bulk_operations")

    job.refresh_from_db()
    assert (job.status, items_of(operation)) == (Status.FAILED, {job.id: (None, None)})
    BulkOperation.objects.update(next_batch_at=Now())
    assert carried_out(operation).changed == 1


def test_an_operation_that_breaks_off_keeps_no_other_from_its_turn(sql: Callable[..., object]) -> None:
    bad, good = JobFactory(status="failed", type="bad"), JobFactory(status="failed", type="good")
    first, second = (confirmed("retry", Selection(filter={"type": job.type})) for job in (bad, good))
    sql("create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not this one'; end $$")
    sql(f"create trigger refuses before update on bulk_items for each row when (old.operation_id = '{first.id}') execute function refuse()")
    with pytest.raises(Error, match="not this one"):
        bulk.run_batch()

    assert carried_out(second).state == "done"
    first.refresh_from_db()
    assert (first.state, first.pending) == ("running", 1)


def test_a_job_whose_unique_key_another_has_is_passed_over() -> None:
    job = JobFactory(status="failed", unique_key="k")
    holder = JobFactory(unique_key="k")
    operation = carried_out(confirmed("retry", FAILED))

    assert items_of(operation) == {job.id: ("skipped", "another job has the unique key")}
    assert holder.status == Status.QUEUED
