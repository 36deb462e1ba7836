"""What the sweep loop does besides sweeping."""

import logging

import pytest

from jobs import chores


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which of three chores had its turn: one fails, one has more to do, one is done."""
    had: list[str] = []

    def fails() -> bool:
        had.append("fails")
        raise ZeroDivisionError

    def has_more() -> bool:
        had.append("has more")
        return True

    def is_done() -> bool:
        had.append("is done")
        return False

    monkeypatch.setattr(chores, "CHORES", (fails, has_more, is_done))
    return had


def test_a_chore_that_fails_keeps_no_other_from_its_turn(turns: list[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="jobs.chores"):
        chores.do_chores()

    assert turns == ["fails", "has more", "is done"]
    assert caplog.messages == ["fails failed; its next try is in the next round"]


def test_those_for_which_there_is_no_time_come_first_in_the_next_round(turns: list[str]) -> None:
    rota = chores.Rota()
    more = [rota.do_round(seconds=0) for _ in range(4)]

    assert turns == ["fails", "has more", "is done", "fails"]
    assert more == [True] * 4, "the others wait"


def test_no_other_is_begun_when_the_loop_is_told_to_stop(turns: list[str]) -> None:
    assert chores.Rota().do_round(seconds=60, is_told_to_stop=lambda: len(turns) == 2) is False
    assert turns == ["fails", "has more"]


def test_there_is_more_to_do_when_one_of_them_says_so(turns: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert chores.do_chores() is True

    monkeypatch.setattr(chores, "CHORES", chores.CHORES[2:])
    assert chores.do_chores() is False
