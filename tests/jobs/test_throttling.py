"""Wrong tokens are counted by address, a minute long."""

from collections.abc import Callable
from typing import Any

import pytest

from jobs.chores import do_chores
from jobs.throttling import count_failure

pytestmark = pytest.mark.django_db
Sql = Callable[..., list[tuple[Any, ...]]]


def test_each_address_is_counted_by_itself() -> None:
    counts = [count_failure(address)[0] for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1")]

    assert counts == [1, 2, 1, 3]


def test_a_count_lasts_a_minute_from_its_first_wrong_token(sql: Sql) -> None:
    count_failure("192.0.2.1")
    sql("update auth_failures set began_at = clock_timestamp() - interval '50 seconds'")
    count, seconds_left = count_failure("192.0.2.1")
    assert count == 2
    assert 9 < seconds_left <= 10

    sql("update auth_failures set began_at = clock_timestamp() - interval '61 seconds'")
    count, seconds_left = count_failure("192.0.2.1")
    assert count == 1
    assert 59 < seconds_left <= 60


def test_the_sweep_loop_removes_the_counts_that_are_over(sql: Sql) -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        count_failure(address)
    sql("update auth_failures set began_at = clock_timestamp() - interval '61 seconds' where address = '192.0.2.1'")
    do_chores()

    assert sql("select address from auth_failures") == [("192.0.2.2",)]
