"""How jobs look: status badge, ids, moments and durations, the same on every page."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django import template
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.http import HttpRequest
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

from jobs import legible as texts
from jobs import links, times, watch
from jobs.lifecycle import Status
from jobs.models import Job
from jobs.watch import Brake

register = template.Library()
register.simple_tag(links.jobs_where)
register.simple_tag(links.failed_alike)
DASH = "\N{EN DASH}"
NONE = format_html('<span class="q" aria-label="none">{}</span>', DASH)
# As many as people compare by eye: the rest of an id is its time, much the same for neighbours.
_TAIL = 6
_BRAKE = "jobsite.brake"


@dataclass(frozen=True)
class Remark:
    """What is happening to a job, beside its badge.

    Attributes:
        icon: a symbol of icons.svg; empty for none.
        tone: class that colours it; empty for plain.
    """

    words: str
    icon: str = ""
    tone: str = ""


@register.inclusion_tag("jobs/_status_badge.html")
def status_badge(job: Job) -> dict[str, object]:
    """The badge of a job, with what is happening to it."""
    return {"status": Status(job.status), "remarks": remarks_on(job, timezone.now())}


@register.inclusion_tag("jobs/_status_badge.html")
def status_word(status: str) -> dict[str, object]:
    """The badge of a status by itself, as in the timeline."""
    return {"status": Status(status), "remarks": []}


@register.inclusion_tag("admin/jobs/_brake.html", takes_context=True)
def brake_banner(context: Context) -> dict[str, object]:
    """That sweeps end no running lease at the moment, and why."""
    return {"brake": brake_at(context["request"])}


def brake_at(request: HttpRequest) -> Brake | None:
    """The brake, asked for once a request: a page may show it below the banner."""
    if _BRAKE not in request.META:
        request.META[_BRAKE] = watch.brake()
    brake: Brake | None = request.META[_BRAKE]
    return brake


def remarks_on(job: Job, now: datetime) -> list[Remark]:
    """What a reader must know besides the status: cancelling, stuck, waiting for a retry, partial."""
    status = Status(job.status)
    remarks = []
    if status.is_live and job.lease_expires_at and job.lease_expires_at <= now:
        remarks.append(Remark(f"stuck {duration(now - job.lease_expires_at)}", "clock", "w"))
    if status.is_live and job.cancel_requested_at:
        remarks.append(Remark(f"cancelling {clock(now - job.cancel_requested_at)}", "stop", "c"))
    if not status.is_live and not status.is_terminal and job.scheduled_for > now:
        wait = clock(job.scheduled_for - now)
        words = f"retry {job.attempts + 1}/{job.max_attempts} in {wait}" if job.attempts else f"due in {wait}"
        remarks.append(Remark(words, "retry" if job.attempts else "clock"))
    if job.partial and status.is_terminal:
        remarks.append(Remark("partial"))
    return remarks


@register.simple_tag
def job_id(identifier: str) -> SafeString:
    """An id with the letters that tell jobs apart in ink; what is copied is the whole of it."""
    return format_html('<span class="id"><span>{}</span>{}</span>', identifier[:-_TAIL], identifier[-_TAIL:])


@register.simple_tag
def job_link(identifier: str | None) -> SafeString:
    """An id that leads to its job; a dash when there is none."""
    if not identifier:
        return NONE
    return format_html('<a class="id" href="{}" title="{}">{}</a>', job_url(identifier), identifier, job_id(identifier))


def job_url(identifier: str) -> str:
    """Where an id leads, on pages and in lists of the admin alike: to the page of the job, from which a link leads on to the admin's."""
    return reverse("pages:job", args=[identifier])


@register.simple_tag
def ago(moment: datetime | None) -> SafeString:
    """How long ago, or in how long, with the exact time on hover."""
    if moment is None:
        return NONE
    past = timezone.now() - moment
    words = f"in {_coarse(-past)}" if past < timedelta(0) else "just now" if past < timedelta(seconds=1) else f"{_coarse(past)} ago"
    return _time(moment, words, counted="ago")


@register.simple_tag
def age(moment: datetime | None) -> SafeString:
    """How old something is, in its two largest units, with the exact time on hover."""
    return NONE if moment is None else _time(moment, duration(timezone.now() - moment), counted="span")


@register.simple_tag
def at(moment: datetime | None) -> SafeString:
    """The clock time in UTC, with its day unless it is today's."""
    if moment is None:
        return NONE
    utc = moment.astimezone(UTC)
    return _time(moment, f"{utc:%H:%M:%S}" if utc.date() == timezone.now().date() else f"{utc:%-d %b %H:%M:%S}")


@register.simple_tag
def at_thousandth(moment: datetime) -> SafeString:
    """The clock time of a line, in UTC, to the millisecond; the day on hover."""
    utc = moment.astimezone(UTC)
    return _time(moment, f"{utc:%H:%M:%S}.{utc.microsecond // 1000:03d}")


@register.simple_tag
def since(moment: datetime | None) -> SafeString:
    """How long something has lasted that began then and goes on."""
    return NONE if moment is None else _time(moment, times.in_words(timezone.now() - moment), counted="span")


@register.filter
def found(text: str, words: str) -> SafeString:
    """The text with what was searched for marked in it."""
    if not words:
        return conditional_escape(text)
    pieces = re.split(f"({re.escape(words)})", text, flags=re.IGNORECASE)
    return format_html_join(
        "", "{}", ((format_html("<mark>{}</mark>", piece) if place % 2 else piece,) for place, piece in enumerate(pieces))
    )


@register.filter
def duration(span: timedelta | float | None) -> str:
    """`2m 14s`; a dash where there is none."""
    return DASH if span is None else times.in_words(span)


@register.filter
def legible(text: str) -> str:
    """What others wrote, with nothing in it that is obeyed or unseen."""
    return texts.legible(text)


@register.filter
def spaced(word: str) -> str:
    """`cancel_request` as one would say it."""
    return word.replace("_", " ")


@register.filter
def thousands(number: int) -> str:
    """`10,000`."""
    return f"{number:,}"


def clock(span: timedelta) -> str:
    """A wait as `0:18` or `4:10`; from an hour on as a duration."""
    seconds = max(0, int(span.total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02d}" if seconds < 3600 else duration(span)


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """A symbol of the sprite; it says nothing by itself, words stand beside it."""
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>', f"i {classes}".strip(), static("icons.svg"), name)


@register.simple_tag(takes_context=True)
def nav_link(context: Context, words: str, model: str) -> SafeString:
    """A link of the header to a list of ours, for those who may look at it."""
    user = context["user"]
    if not (user.has_perm(f"jobs.view_{model}") or user.has_perm(f"jobs.change_{model}")):
        return SafeString("")
    url = reverse(f"admin:jobs_{model}_changelist")
    here = context["request"].path.startswith(url)
    return format_html('<a href="{}"{}>{}</a>', url, SafeString(' aria-current="page"') if here else "", words)


@register.inclusion_tag("admin/jobs/_pages.html")
def page_links(cl: ChangeList) -> dict[str, str]:
    """The pages before and after this one of an admin list; empty where there is none."""
    return {
        "newer": cl.get_query_string({PAGE_VAR: str(cl.page_num - 1)}) if cl.page_num > 1 else "",
        "older": cl.get_query_string({PAGE_VAR: str(cl.page_num + 1)}) if cl.page_num < cl.paginator.num_pages else "",
    }


def _coarse(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return next((f"{seconds // size}{unit}" for unit, size in times.UNITS if seconds >= size), "0s")


def _time(moment: datetime, words: str, *, counted: str = "") -> SafeString:
    """A moment in words, the exact one on hover.

    Args:
        counted: how the browser goes on counting (static/js/times.js); empty for not at all.
    """
    exact = moment.astimezone(UTC)
    counting = format_html(' data-as="{}"', counted) if counted else ""
    return format_html('<time datetime="{}" title="{}"{}>{}</time>', exact.isoformat(), f"{exact:%Y-%m-%d %H:%M:%S} UTC", counting, words)
