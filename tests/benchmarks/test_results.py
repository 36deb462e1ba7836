"""The arithmetic of the benchmarks' table."""

import pytest

from benchmarks.measurements import Measurement, Row, Unmeasured
from benchmarks.results import Results, report, share_of_mark


def measured(*rounds: dict[str, float]) -> Results:
    results = Results()
    for figures in rounds:
        results.begin_round()
        for cell, value in figures.items():
            results.add(Measurement(cell, value, "jobs/s", 100))
    return results


def test_a_ratio_is_taken_within_each_round() -> None:
    # By the medians of the columns (20 ÷ 20) it would be 1.
    results = measured({"ours": 10, "raw": 20}, {"ours": 40, "raw": 80}, {"ours": 20, "raw": 10})
    assert results.values_of(Row("ours ÷ raw", "ours", "raw")) == [0.5, 0.5, 2.0]


def test_a_round_that_lacks_one_of_the_two_has_no_ratio() -> None:
    assert measured({"ours": 10}, {"ours": 10, "raw": 20}).values_of(Row("ours ÷ raw", "ours", "raw")) == [0.5]


def test_a_cell_is_measured_once_a_round() -> None:
    results = measured({"ours": 10})
    with pytest.raises(ValueError, match="ours is measured twice"):
        results.add(Measurement("ours", 11, "jobs/s", 100))


@pytest.mark.parametrize(
    ("row", "value", "share"),
    [
        (Row("a ratio", "ours", at_least=0.5), 0.5, 1.0),
        (Row("a ratio", "ours", at_least=0.5), 0.4, 0.8),
        (Row("a time", "ours", at_most=10), 10, 1.0),
        (Row("a time", "ours", at_most=10), 12.5, 0.8),
    ],
)
def test_a_mark_is_reached_in_part_or_whole(row: Row, value: float, share: float) -> None:
    assert share_of_mark(row, [value]) == pytest.approx(share)


def test_the_table_tells_medians_with_quartiles_and_whether_they_hold() -> None:
    rows = [Row("reached", "ours", at_least=0.6), Row("missed", "ours", at_least=0.65), Row("too slow", "wait", at_most=50, unit="ms")]
    results = measured(*({"ours": ours, "wait": 100 * ours} for ours in (0.7, 0.58, 0.62, 0.66, 0.5)))
    assert report(rows, results).splitlines()[2:] == [
        "| reached | 0.62 (0.58…0.66) | ≥ 0.6 | yes |",
        "| missed | 0.62 (0.58…0.66) | ≥ 0.65 | **no**, at 95 % of it |",
        "| too slow | 62.0 (58.0…66.0) ms | ≤ 50 ms | **no**, at 80 % of it |",
    ]


def test_what_just_misses_its_mark_is_not_rounded_up_to_it() -> None:
    assert report([Row("missed", "ours", at_least=0.6)], measured({"ours": 0.5999})).endswith("| 0.60 | ≥ 0.6 | **no**, at 99 % of it |")


def test_rows_without_a_mark_stand_below() -> None:
    lines = report([Row("told", "ours", unit="jobs/s"), Row("held", "ours", at_least=1)], measured({"ours": 12345.6})).splitlines()
    assert lines[2] == "| held | 12,346 | ≥ 1 | yes |"
    assert lines[-1] == "| told | 12,346 jobs/s |"


def test_what_could_not_be_measured_is_said_once() -> None:
    results = measured({}, {})
    for _ in range(2):
        results.add(Unmeasured("pg-boss", "there is no Node.js with npm"))
    text = report([Row("ours ÷ theirs", "ours", "theirs", at_least=1)], results)
    assert "| ours ÷ theirs | not measured | ≥ 1 |  |" in text
    assert text.endswith("Could not be measured:\n\n- pg-boss: there is no Node.js with npm")
