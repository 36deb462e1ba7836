"""What the database itself refuses, whoever writes past the code."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from jobs.lifecycle import ILLEGAL_PAIRS, LEGAL_PAIRS, Status
from jobs.models import Job
from tests.factories import JobFactory

pytestmark = pytest.mark.django_db
Sql = Callable[..., list[tuple[Any, ...]]]
Commit = Callable[[], None]

# The columns that each status needs, so that no CHECK hides what the guard says.
_HELD = "orchestrator_id = 'x', epoch = greatest(epoch, 1), claimed_at = now(), lease_expires_at = now(), completed_at = null, due = false"
_ENDED = "lease_expires_at = null, completed_at = now(), due = false"
FITTING = {
    Status.QUEUED: "orchestrator_id = null, lease_expires_at = null, claimed_at = null, started_at = null, completed_at = null",
    Status.CLAIMED: _HELD,
    Status.RUNNING: _HELD + ", started_at = now()",
    Status.COMPLETED: _ENDED,
    Status.FAILED: _ENDED,
    Status.CANCELLED: _ENDED,
}


def write_entry(sql: Sql, job: Job, sequence: int, source: str, target: str) -> None:
    sql(
        "insert into audit_log (job_id, sequence, action, from_status, to_status, actor_kind, actor, at, xid)"
        " values (%s, %s, 'raw', %s, %s, 'system', 'raw', now(), pg_current_xact_id())",
        job.id, sequence, source, target,
    )  # fmt: skip


def move(sql: Sql, job: Job, target: Status, *, entries: int, extra: str = "") -> None:
    sql(f"update jobs set status = %s, audit_seq = audit_seq + {entries}, {FITTING[target]} {extra} where id = %s", target, job.id)


@pytest.mark.parametrize(("source", "target"), sorted(ILLEGAL_PAIRS))
def test_an_illegal_step_is_refused_even_with_an_entry(source: Status, target: Status, sql: Sql) -> None:
    job = JobFactory(status=source)
    write_entry(sql, job, job.audit_seq + 1, source, target)
    with pytest.raises(DatabaseError, match="may not go from"):
        move(sql, job, target, entries=1)


@pytest.mark.parametrize(("source", "target"), sorted(LEGAL_PAIRS))
def test_a_legal_step_passes_with_its_entry_and_not_without(source: Status, target: Status, sql: Sql, at_commit: Commit) -> None:
    job = JobFactory(status=source)
    at_commit()
    with pytest.raises(DatabaseError, match="no audit entry"), transaction.atomic():
        move(sql, job, target, entries=0)
    with pytest.raises(IntegrityError, match="without the audit entries"), transaction.atomic():
        move(sql, job, target, entries=1)
        at_commit()
    write_entry(sql, job, job.audit_seq + 1, source, target)
    move(sql, job, target, entries=1)
    at_commit()


def test_start_and_complete_in_one_pass_only_with_both_entries(sql: Sql, at_commit: Commit) -> None:
    job = JobFactory(status="claimed")
    at_commit()
    with pytest.raises(DatabaseError, match="may not go from"), transaction.atomic():
        move(sql, job, Status.COMPLETED, entries=1, extra=", started_at = now()")
    write_entry(sql, job, job.audit_seq + 2, "running", "completed")
    with pytest.raises(IntegrityError, match="without the audit entries"), transaction.atomic():
        move(sql, job, Status.COMPLETED, entries=2, extra=", started_at = now()")
        at_commit()
    write_entry(sql, job, job.audit_seq + 1, "claimed", "running")
    move(sql, job, Status.COMPLETED, entries=2, extra=", started_at = now()")
    at_commit()


@pytest.mark.parametrize("source", [Status.CLAIMED, Status.RUNNING])
def test_a_failure_that_is_queued_again_passes_only_with_both_entries(source: Status, sql: Sql, at_commit: Commit) -> None:
    job = JobFactory(status=source, max_attempts=3)
    at_commit()
    with pytest.raises(IntegrityError, match="without the audit entries"), transaction.atomic():
        write_entry(sql, job, job.audit_seq + 1, source, "queued")
        move(sql, job, Status.QUEUED, entries=1, extra=", attempts = attempts + 1")
        at_commit()
    with pytest.raises(IntegrityError, match="without the audit entries"), transaction.atomic():
        write_entry(sql, job, job.audit_seq + 1, source, "failed")
        move(sql, job, Status.QUEUED, entries=2, extra=", attempts = attempts + 1")
        at_commit()
    write_entry(sql, job, job.audit_seq + 1, source, "failed")
    write_entry(sql, job, job.audit_seq + 2, "failed", "queued")
    move(sql, job, Status.QUEUED, entries=2, extra=", attempts = attempts + 1")
    at_commit()


def test_entries_that_tell_another_story_do_not_pass(sql: Sql, at_commit: Commit) -> None:
    job = JobFactory(status="running")
    at_commit()
    write_entry(sql, job, job.audit_seq + 1, "running", "failed")
    move(sql, job, Status.CANCELLED, entries=1)
    with pytest.raises(IntegrityError, match="without the audit entries"):
        at_commit()


def test_a_job_can_not_be_inserted_without_its_first_entry(sql: Sql, at_commit: Commit) -> None:
    job = JobFactory()
    at_commit()
    columns = ", ".join(str(field.column) for field in Job._meta.concrete_fields if field.column != "id")
    sql(f"insert into jobs (id, {columns}) select 'job_raw', {columns} from jobs where id = %s", job.id)
    with pytest.raises(IntegrityError, match="without the audit entries"):
        at_commit()


def insert(sql: Sql, like: Job, job_id: str, **columns: str) -> None:
    """A copy of a job past the door, with some columns as given (SQL)."""
    names = [str(field.column) for field in Job._meta.concrete_fields]
    values = ", ".join({"id": f"'{job_id}'", **columns}.get(name, name) for name in names)
    sql(f"insert into jobs ({', '.join(names)}) select {values} from jobs where id = %s", like.id)


def test_a_finished_job_can_not_be_inserted_with_one_entry(sql: Sql, at_commit: Commit) -> None:
    job = JobFactory(status="completed")
    at_commit()
    sql(
        "insert into audit_log (job_id, sequence, action, to_status, actor_kind, actor, at, xid)"
        " values ('job_raw', 0, 'raw', 'completed', 'system', 'raw', now(), pg_current_xact_id())"
    )
    insert(sql, job, "job_raw", audit_seq="0")
    with pytest.raises(IntegrityError, match="without the audit entries"):
        at_commit()


def test_a_job_can_be_restored_with_its_whole_story_and_no_other(sql: Sql, at_commit: Commit) -> None:
    job = JobFactory(status="completed")
    at_commit()
    columns = "sequence, action, from_status, to_status, actor_kind, actor, at, xid"
    sql(f"insert into audit_log (job_id, {columns}) select 'job_raw', {columns} from audit_log where job_id = %s", job.id)
    with pytest.raises(IntegrityError, match="knows more of it"), transaction.atomic():
        insert(sql, job, "job_raw", audit_seq="audit_seq - 1")
    with pytest.raises(IntegrityError, match="without the audit entries"), transaction.atomic():
        insert(sql, job, "job_raw", audit_seq="audit_seq + 1")
        at_commit()
    insert(sql, job, "job_raw")
    at_commit()


def test_a_deleted_job_can_not_come_back_as_a_new_one(sql: Sql, at_commit: Commit) -> None:
    job = JobFactory(status="completed")
    fresh = JobFactory()
    at_commit()
    sql("delete from jobs where id = %s", job.id)
    with pytest.raises(IntegrityError, match="knows more of it"):
        insert(sql, fresh, job.id)


@pytest.mark.parametrize(
    "change", ["audit_seq = audit_seq - 1", "epoch = epoch - 1", "epoch = epoch + 2", "attempts = attempts - 1", "id = 'job_other'"]
)
def test_no_counter_is_taken_back(change: str, sql: Sql) -> None:
    job = JobFactory(status="failed")
    with pytest.raises(DatabaseError, match="never decrease"):
        sql(f"update jobs set {change} where id = %s", job.id)


def test_an_entry_number_can_not_run_ahead_of_the_entries(sql: Sql, at_commit: Commit) -> None:
    job = JobFactory()
    at_commit()
    sql("update jobs set audit_seq = audit_seq + 5 where id = %s", job.id)
    with pytest.raises(IntegrityError, match="without the audit entries"):
        at_commit()


@pytest.mark.parametrize(
    ("between", "target", "extra"),
    [("failed", Status.COMPLETED, ", started_at = now()"), ("claimed", Status.QUEUED, ", attempts = attempts + 1")],
)
def test_a_compound_step_passes_only_through_its_own_middle(between: str, target: Status, extra: str, sql: Sql, at_commit: Commit) -> None:
    job = JobFactory(status="claimed", max_attempts=3)
    at_commit()
    write_entry(sql, job, job.audit_seq + 1, "claimed", between)
    write_entry(sql, job, job.audit_seq + 2, between, target)
    move(sql, job, target, entries=2, extra=extra)
    with pytest.raises(IntegrityError, match="without the audit entries"):
        at_commit()


def test_an_unknown_status_is_refused_by_its_check(sql: Sql) -> None:
    job = JobFactory()
    with pytest.raises(DatabaseError, match="jobs_status_known"):
        insert(sql, job, "job_raw", status="'paused'", due="false")


@pytest.mark.parametrize(
    ("source", "change", "constraint"),
    [
        ("queued", "attempts = 2", "jobs_attempts_within_limit"),
        ("running", "due = true", "jobs_due_is_queued"),
        ("running", "lease_expires_at = null", "jobs_live_has_lease"),
        ("claimed", "lease_expires_at = null", "jobs_live_has_lease"),
        ("completed", "lease_expires_at = now()", "jobs_live_has_lease"),
        ("queued", "lease_expires_at = now()", "jobs_live_has_lease"),
        ("running", "orchestrator_id = null", "jobs_live_has_holder"),
        ("claimed", "claimed_at = null", "jobs_live_has_holder"),
        ("queued", "orchestrator_id = 'x'", "jobs_queued_has_no_holder"),
        ("running", "started_at = null", "jobs_running_has_started"),
        ("completed", "completed_at = null", "jobs_finished_has_end"),
        ("running", "completed_at = now()", "jobs_finished_has_end"),
        ("queued", "priority = 101", "jobs_priority_range"),
    ],
)
def test_a_row_that_can_not_be_is_refused(source: str, change: str, constraint: str, sql: Sql) -> None:
    job = JobFactory(status=source)
    with pytest.raises(DatabaseError, match=constraint):
        sql(f"update jobs set {change} where id = %s", job.id)


@pytest.mark.parametrize("column", ["attempts", "epoch", "audit_seq"])
def test_no_counter_begins_below_zero(column: str, sql: Sql) -> None:
    job = JobFactory()
    with pytest.raises(DatabaseError, match=r"jobs_counters_positive|knows more"):
        insert(sql, job, "job_raw", **{column: "-1"})


@pytest.mark.parametrize(
    "attack", ["update audit_log set actor = 'nobody'", "delete from audit_log", "truncate audit_log", "truncate jobs, audit_log"]
)
def test_the_audit_log_is_append_only(attack: str, sql: Sql, at_commit: Commit) -> None:
    JobFactory()
    at_commit()
    with pytest.raises(DatabaseError, match="append-only"):
        sql(attack)
