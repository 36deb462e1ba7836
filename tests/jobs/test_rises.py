"""Since when more happens: told when the counts leave no doubt, and where it began."""

import pytest

from jobs.rises import rise


def test_a_clear_rise_is_found_where_it_begins() -> None:
    assert rise([0, 1, 0, 1, 0, 0, 1, 0, 0, 1, 4, 5, 3, 6, 4]) == 10


def test_one_that_has_only_just_begun_is_found_where_it_begins() -> None:
    assert rise([1] * 20 + [30]) == 20


@pytest.mark.parametrize(
    "counts",
    [
        [],
        [0] * 60,
        [50],
        [0, 1, 2, 0, 1, 3, 0, 1, 0, 2, 1, 0, 3, 2, 1],
        [20, 22, 19, 24, 21, 26, 28, 25, 27, 29],
        [9, 8, 9, 9, 8, 1, 0, 1, 0, 1],
        [0] * 10 + [2, 3, 2],
    ],
    ids=["no column", "none", "one column", "chance", "less than twice as many", "fewer", "too few"],
)
def test_what_chance_explains_is_no_rise(counts: list[int]) -> None:
    assert rise(counts) is None
