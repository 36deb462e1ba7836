"""How the figures of types look: rates, shares of failures, how many are held."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.templatetags.jobs import NONE
from jobs.type_figures import Figures, Flow

register = template.Library()
# From this share on, failures are news.
_MUCH = 0.1


@register.filter
def rate(number: float) -> str:
    """So many a minute: `0`, `0.4`, `12`, `1,204`; never 0 for what is not nothing."""
    if 0 < number < 0.05:
        return "<0.1"
    return f"{number:,.1f}".removesuffix(".0") if number < 10 else f"{number:,.0f}"


@register.simple_tag
def failed_share(flow: Flow) -> SafeString:
    """Of the runs that ended, how many failed."""
    share = flow.error_rate
    if share is None:
        return format_html('<span class="q">{}</span>', "none ended")
    tone = "bad" if share >= _MUCH else "q" if not share else ""
    told = "<1 %" if 0 < share < 0.01 else f"{share * 100:.0f} %"
    return format_html('<span class="{}" title="{} of {} runs">{}</span>', tone, f"{flow.failed:,}", f"{flow.runs:,}", told)


@register.simple_tag
def held(one: Figures) -> SafeString:
    """What is held: `3 of 5` where there is a limit, and what of it runs."""
    many = one.running + one.claimed
    limit = one.job_type.concurrency_limit
    if not many and limit is None:
        return NONE
    told = format_html("{}", f"{many:,}") if limit is None else format_html("{} of {}", f"{one.slots:,}", f"{limit:,}")
    full = format_html('<span class="tag s-warn">{}</span> ', "full") if one.is_full else ""
    return format_html("{}{} <small>{} running, {} claimed</small>", full, told, one.running, one.claimed)
