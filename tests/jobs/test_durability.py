"""Which warnings of PostgreSQL say that a change may yet be lost. (The real one is in tests/chaos/test_database_away.py.)"""

import logging
from collections.abc import Callable

import pytest
from django.db import connection

from jobs import durability

WORDS = "canceling wait for synchronous replication due to user request"
Sql = Callable[..., object]


@pytest.mark.parametrize(
    ("words", "is_doubt"), [(WORDS, True), ("canceling statement due to user request", False), ("a table is full", False)]
)
def test_a_warning_of_a_cancelled_wait_is_heard_and_no_other(
    sql: Sql, caplog: pytest.LogCaptureFixture, words: str, is_doubt: bool
) -> None:
    caplog.set_level(logging.WARNING, logger="jobs.durability")
    with durability.watched() as doubt:
        sql(f"do $$ begin raise warning '{words}'; end $$")

    assert doubt.is_there == is_doubt
    assert [words in line for line in caplog.messages] == [True] * is_doubt


def test_what_was_heard_in_one_request_is_no_doubt_of_the_next(sql: Sql) -> None:
    with durability.watched() as first:
        sql(f"do $$ begin raise warning '{WORDS}'; end $$")
    with durability.watched() as second:
        sql("select 1")

    assert (first.is_there, second.is_there) == (True, False)


def test_a_connection_of_the_pool_is_heard_once_however_often_it_is_used(live_db: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="jobs.durability")
    for _ in range(3):
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute(f"do $$ begin raise warning '{WORDS}'; end $$")

    assert len(caplog.messages) == 3
