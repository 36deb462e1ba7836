"""Loops that outlive what a round meets."""

import logging
import threading
import time

import pytest
from django.db import OperationalError
from psycopg_pool import PoolTimeout

from jobs.loops import repeat_until


@pytest.mark.parametrize("problem", [OperationalError("it is away"), PoolTimeout("it is away"), ZeroDivisionError("ours")])
def test_a_round_that_fails_is_told_and_followed_by_the_next(db: None, problem: Exception, caplog: pytest.LogCaptureFixture) -> None:
    stopped, rounds = threading.Event(), 0

    def once() -> None:
        nonlocal rounds
        rounds += 1
        if rounds < 3:
            raise problem
        stopped.set()

    with caplog.at_level(logging.WARNING, logger="jobs.loops"):
        repeat_until(stopped, once, seconds=0.001, name="sweep")

    assert rounds == 3
    assert [record.getMessage().startswith("sweep: this round failed") for record in caplog.records] == [True, True]
    # What is no outage is told with where it comes from.
    assert [record.exc_info is not None for record in caplog.records] == [isinstance(problem, ZeroDivisionError)] * 2


def test_the_next_round_comes_at_once_while_there_is_more_to_do() -> None:
    stopped, rounds = threading.Event(), 0

    def once() -> bool:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            stopped.set()
        return rounds < 3

    began = time.monotonic()
    repeat_until(stopped, once, seconds=60, name="sweep")

    assert rounds == 3
    assert time.monotonic() - began < 30
