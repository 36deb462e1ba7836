"""Who keeps vacuum from its work is named, by the check and by the sweep."""

import logging
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from django.core.checks import run_checks

from jobs import vacuum
from jobs.chores import do_chores
from jobs.memory import Memory


@pytest.fixture
def forgotten(live_db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The process of a connection that began to read, and was left at that."""
    monkeypatch.setattr(vacuum, "LONG_SECONDS", 0.0)
    monkeypatch.setattr(vacuum, "_looked", Memory[str, bool]())
    with closing(psycopg.connect(live_db, application_name="a report")) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("select count(*) from jobs")
        yield reader.info.backend_pid


def test_an_open_transaction_that_holds_back_vacuum_is_named(forgotten: int) -> None:
    found = [message for message in run_checks(databases=["default"], tags=["database"]) if message.id == "jobs.W013"]

    assert [f"pid {forgotten} ('a report', role " in message.msg and "idle in transaction" in message.msg for message in found] == [True]


def test_the_sweep_loop_names_it_once_a_minute(forgotten: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="jobs.vacuum")
    for _ in range(2):
        do_chores()

    assert [f"pid {forgotten} ('a report'" in line for line in caplog.messages] == [True]


def test_one_that_has_only_just_begun_is_not_named(forgotten: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vacuum, "LONG_SECONDS", 60.0)

    assert vacuum.forgotten_transaction() is None
