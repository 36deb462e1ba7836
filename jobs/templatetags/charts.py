"""Charts as SVG, made here and not in the browser: each tells in words what it shows. (Their geometry: jobs/charts.py.)"""

from collections.abc import Sequence
from dataclasses import dataclass

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs import charts
from jobs.charts import Bar

register = template.Library()
_SPARK_HEIGHT = 32
_MINIBARS_HEIGHT = 24
_HBAR_HEIGHT = 8
# Few are not to look like many.
_LEAST_TOP = 4
# A range keeps so much of its width free at either end for the rings.
_INSET = 2.0


@dataclass(frozen=True)
class Series:
    """One layer of a stacked chart.

    Attributes:
        words: in the legend.
        tone: the class that colours it.
        values: one for each column.
    """

    words: str
    tone: str
    values: Sequence[float]


@dataclass(frozen=True)
class Mark:
    """Something to be seen at a column."""

    column: int
    words: str


@dataclass(frozen=True)
class Stacked:
    """
    Attributes:
        title: what is shown, and when.
        description: what a reader would see in it.
        series: the lowest layer first.
        labels: of columns, where there is one: column → words.
        columns: what each is called, on hover.
    """

    title: str
    description: str
    series: Sequence[Series]
    columns: Sequence[str]
    labels: dict[int, str]
    mark: Mark | None = None
    height: int = 200


@register.simple_tag
def sparkline(values: Sequence[float], tone: str = "s-queued", title: str = "") -> SafeString:
    """A curve without axes, from zero up.

    Args:
        values: at equal distances, the oldest first; of none the line stays empty.
        tone: the class that colours it.
        title: what it shows, in words.
    """
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in charts.line(values, height=_SPARK_HEIGHT))
    curve = format_html('<polygon points="0,{0} {1} 100,{0}"/><polyline points="{1}"/>', _SPARK_HEIGHT, points) if points else ""
    return format_html(
        '<svg class="spark {}" viewBox="0 0 100 {}" preserveAspectRatio="none" role="img"><title>{}</title>{}</svg>',
        tone, _SPARK_HEIGHT, title, curve,
    )  # fmt: skip


@register.simple_tag
def minibars(values: Sequence[float], tone: str = "s-failed", title: str = "") -> SafeString:
    """Small bars without axes; what is zero leaves a grey base.

    Args:
        values: at equal distances, the oldest first.
        tone: the class that colours them.
        title: what they show, in words.
    """
    drawn = zip(values, charts.bars(values, height=_MINIBARS_HEIGHT, least_top=_LEAST_TOP), strict=True)
    rects = format_html_join("", "{}", ((_rect(bar, "" if value > 0 else "z"),) for value, bar in drawn))
    return format_html(
        '<svg class="minibars {}" height="{}" role="img"><title>{}</title>{}</svg>', tone, _MINIBARS_HEIGHT, title, rects
    )  # fmt: skip


@register.simple_tag
def horizontal_bar(value: float, full: float, tone: str = "s-failed") -> SafeString:
    """A bar that fills its part of the width; the number stands beside it.

    Args:
        full: what the whole width stands for.
    """
    return format_html(
        '<svg class="hbar {}" height="{}" aria-hidden="true">{}{}</svg>',
        tone,
        _HBAR_HEIGHT,
        _rect(Bar(0, 100, 0, _HBAR_HEIGHT), "bg"),
        _rect(Bar(0, charts.part(value, full), 0, _HBAR_HEIGHT)) if value > 0 else "",
    )


@register.simple_tag
def log_range(values: Sequence[float], low: float, high: float, tone: str = "s-queued", title: str = "") -> SafeString:
    """Values on a logarithmic scale, the first of them as a dot, the others as rings; a track alone for none.

    Args:
        values: ascending, above 0.
        low, high: the ends of the scale.
    """
    at = [_INSET + (100 - 2 * _INSET) / 100 * charts.on_log_scale(value, low=low, high=high) for value in values]
    dots = format_html_join(
        "", '<circle{} cx="{}%" cy="7" r="{}"/>',
        ((SafeString(' class="o"') if nth else "", f"{x:.1f}", f"{max(2.5, 4.5 - nth):.1f}") for nth, x in enumerate(at)),
    )  # fmt: skip
    span = format_html('<line class="span" x1="{}%" x2="{}%" y1="7" y2="7"/>', f"{at[0]:.1f}", f"{at[-1]:.1f}") if at else ""
    return format_html(
        '<svg class="range {}" height="14" role="img"><title>{}</title><line class="track" x1="{}%" x2="{}%" y1="7" y2="7"/>{}{}</svg>',
        tone, title, f"{_INSET:.0f}", f"{100 - _INSET:.0f}", span, dots,
    )  # fmt: skip


@register.inclusion_tag("charts/stacked.html")
def stacked_bars(chart: Stacked) -> dict[str, object]:
    """Columns in layers over an axis with round numbers."""
    columns = list(zip(*(one.values for one in chart.series), strict=True))
    scale = charts.axis(max(map(sum, columns), default=0))
    of = max(1, len(columns))
    return {
        "chart": chart,
        "width": 100 / of,
        "drawn_height": chart.height + 22,
        "text_y": chart.height + 17,
        "ticks": [(f"{tick:,.0f}", charts.height_of(tick, axis=scale, height=chart.height)) for tick in scale.ticks],
        "columns": [
            {
                "x": place * 100 / of,
                "words": chart.columns[place],
                "layers": [
                    (bar, one.tone)
                    for bar, one in zip(
                        charts.stack(column, place=place, of=of, axis=scale, height=chart.height), chart.series, strict=True
                    )
                    if bar
                ],
            }
            for place, column in enumerate(columns)
        ],
        "labels": [
            (f"{100 * place / of:.2f}", "start" if place == 0 else "end" if place == of else "middle", words)
            for place, words in chart.labels.items()
        ],
        "mark": chart.mark and {"x": 100 * chart.mark.column / of, "words": chart.mark.words, "before": chart.mark.column > of / 2},
    }


def _rect(bar: Bar, classes: str = "") -> SafeString:
    named = format_html(' class="{}"', classes) if classes else ""
    geometry = f'x="{bar.x:.2f}%" width="{bar.width:.2f}%" y="{bar.y:.1f}" height="{bar.height:.1f}"'
    # (Numbers alone.)
    return format_html("<rect{} {}/>", named, SafeString(geometry))
