"""The queries that operators run as they stand, on an index where one is promised."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from tests.factories import JobFactory

pytestmark = pytest.mark.django_db
Sql = Callable[..., list[tuple[Any, ...]]]

STUCK = "SELECT * FROM jobs WHERE status = 'claimed' AND updated_at < NOW() - INTERVAL '5 minutes';"
COUNTS = "SELECT status, COUNT(*), AVG(attempts) FROM jobs GROUP BY status;"
RECENT = "SELECT id, status, started_at, completed_at, last_error FROM jobs ORDER BY updated_at DESC LIMIT 20;"


def test_jobs_stuck_in_claimed(sql: Sql) -> None:
    job = JobFactory(status="claimed")
    JobFactory(status="claimed")
    sql("update jobs set updated_at = now() - interval '6 minutes' where id = %s", job.id)

    assert len(sql(STUCK)) == 1


def test_counts_and_attempts_by_status(sql: Sql) -> None:
    JobFactory(status="failed")
    JobFactory()

    assert {status: (count, float(attempts)) for status, count, attempts in sql(COUNTS)} == {"failed": (1, 1.0), "queued": (1, 0.0)}


def test_recent_transitions(sql: Sql) -> None:
    jobs = [JobFactory(status="failed") for _ in range(3)]

    assert [row[0] for row in sql(RECENT)] == [job.id for job in reversed(jobs)]


@pytest.mark.parametrize("query", [STUCK, RECENT])
def test_the_first_and_the_third_use_an_index_in_a_table_of_size(sql: Sql, query: str) -> None:
    with transaction.atomic():
        _fill(sql, 20_000)
        plan = "\n".join(line for (line,) in sql(f"explain {query}"))
        transaction.set_rollback(True)

    assert re.search(r"Index Scan.* using jobs_", plan), plan


def _fill(sql: Sql, count: int) -> None:
    """Finished jobs by the thousand, as a restore would bring them: their entries are judged at commit, which this test never reaches."""
    job = JobFactory(status="completed")
    columns = [
        row[0]
        for row in sql(
            "select column_name from information_schema.columns where table_name = 'jobs' and column_name not in ('id', 'updated_at')"
        )
    ]
    names = ", ".join(columns)
    sql(
        f"insert into jobs (id, updated_at, {names}) select 'job_' || n, now() - n * interval '1 second', {names}"
        " from jobs, generate_series(1, %s) n where id = %s",
        count,
        job.id,
    )
    sql("analyze jobs")


def test_the_table_has_the_columns_of_the_contract(sql: Sql) -> None:
    columns: dict[str, str] = dict(sql("select column_name, data_type from information_schema.columns where table_name = 'jobs'"))

    assert columns["id"] == "character varying"
    assert (columns["payload"], columns["result"], columns["last_error"]) == ("jsonb", "jsonb", "text")
    assert {
        "status",
        "type",
        "orchestrator_id",
        "priority",
        "attempts",
        "scheduled_for",
        "created_at",
        "updated_at",
        "claimed_at",
        "started_at",
        "completed_at",
    } <= set(columns)


def test_errors_and_output_of_megabytes_are_kept_whole(sql: Sql) -> None:
    import secrets

    from jobs.outcomes import Report
    from tests.factories import HOLDER

    error, output = secrets.token_hex(1_000_000), secrets.token_hex(2_000_000)
    job = JobFactory(status="running")
    job.fail(Report(error=error, output=output), by=HOLDER)

    ((kept_error, kept_output),) = sql("select last_error, result->>'output' from jobs where id = %s", job.id)
    assert (kept_error, kept_output) == (error, output)
