"""Where the parts of a chart lie: with no value, one, and huge ones."""

import pytest
from django.template import Context, Template

from jobs import charts
from jobs.charts import Axis

HUGE = 9_000_000_000_000_000


def test_a_curve_goes_over_the_whole_width_and_stays_inside() -> None:
    points = charts.line([0, 5, 10], height=32)

    assert [x for x, _ in points] == [0, 50, 100]
    assert [y for _, y in points] == [30, 16, 2]


def test_of_one_value_the_curve_is_level_and_of_none_there_is_no_curve() -> None:
    assert charts.line([7], height=32) == [(0, 2), (100, 2)]
    assert charts.line([], height=32) == []


@pytest.mark.parametrize("values", [[0, 0, 0], [HUGE, 1, HUGE], [-1, 3]])
def test_no_curve_leaves_its_field(values: list[float]) -> None:
    assert all(2 <= y <= 30 for _, y in charts.line(values, height=32))


def test_bars_share_the_width_and_the_largest_is_as_high_as_there_is_room() -> None:
    first, second = charts.bars([2, 8], height=24)

    assert (first.x, second.x, first.width) == (0, 50, 37.5)
    assert (first.height, second.height, second.y) == (6, 24, 0)


def test_a_single_failure_does_not_look_like_a_flood() -> None:
    assert charts.bars([1], height=24, least_top=4)[0].height == 6


def test_a_small_value_can_be_seen_beside_a_huge_one_and_zero_is_the_base_line() -> None:
    small, none, huge = charts.bars([1, 0, HUGE], height=24)

    assert (small.height, none.height, huge.height) == (1.5, 1, 24)
    assert charts.bars([], height=24) == []


def test_layers_stand_on_each_other_and_those_of_zero_are_left_out() -> None:
    low, none, high = charts.stack([10, 0, 30], place=1, of=4, axis=Axis(40, (0, 40)), height=200)

    assert none is None
    assert low is not None
    assert high is not None
    assert (low.y + low.height, high.y + high.height) == (200, 150)
    assert 25 < low.x < low.x + low.width < 50


@pytest.mark.parametrize(
    ("peak", "ticks"),
    [
        (0, (0, 1)),
        (1, (0, 1)),
        (3, (0, 1, 2, 3)),
        (172, (0, 50, 100, 150, 200)),
        (400, (0, 100, 200, 300, 400)),
        (HUGE, tuple(number * 5e15 for number in range(3))),
    ],
)
def test_an_axis_has_few_round_numbers_and_holds_the_peak(peak: float, ticks: tuple[float, ...]) -> None:
    axis = charts.axis(peak)

    assert axis.ticks == pytest.approx(ticks)
    assert axis.top == axis.ticks[-1] >= peak


def test_a_part_of_nothing_is_nothing_and_no_part_is_more_than_the_whole() -> None:
    assert charts.part(3, 0) == 0
    assert charts.part(5, 4) == 100


def test_a_logarithmic_scale_gives_each_power_of_ten_as_much_room() -> None:
    assert [charts.on_log_scale(value, low=0.1, high=100) for value in (0, 0.1, 1, 10, 100, HUGE)] == pytest.approx(
        [0, 0, 100 / 3, 200 / 3, 100, 100]
    )


def test_its_ends_are_powers_of_ten_around_what_is_shown() -> None:
    assert charts.decades([], low=0.1, high=100) == pytest.approx((0.1, 100))
    assert charts.decades([0.004, 3600], low=0.1, high=100) == pytest.approx((0.001, 10_000))


def test_a_chart_says_what_it_shows_and_escapes_it() -> None:
    shown = Template("{% load charts %}{% sparkline values tone='s-failed' title=title %}{% minibars values title=title %}").render(
        Context({"values": [0, 3], "title": "<b>"})
    )

    assert shown.count("<title>&lt;b&gt;</title>") == 2
    assert "style=" not in shown


@pytest.mark.parametrize("values", [[], [1], [0.4, 2.2, 9]])
def test_a_range_has_a_dot_for_each_value(values: list[float]) -> None:
    shown = Template("{% load charts %}{% log_range values low=0.1 high=10 title='x' %}").render(Context({"values": values}))

    assert shown.count("<circle") == len(values)


def test_a_bar_is_never_wider_than_its_field() -> None:
    assert 'width="100.00%"' in Template("{% load charts %}{% horizontal_bar 5 2 %}").render(Context())
    assert Template("{% load charts %}{% horizontal_bar 0 0 %}").render(Context()).count("<rect") == 1
