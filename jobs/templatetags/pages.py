"""What frames the pages: the header's links, who is signed in, and the tone of a message."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django import template
from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.models import FailureGroup, TriageState
from jobs.returning import PARAMETER, back_to
from jobs.roles import role_of

register = template.Library()
# So many new groups are told; more are "99+".
_MOST_TOLD = 99


@dataclass(frozen=True)
class Destination:
    """A page that the header leads to.

    Attributes:
        key: after `g`, the letter that goes there.
        permission: who may look.
    """

    words: str
    name: str
    key: str
    permission: str = ""


DESTINATIONS = (
    Destination("Overview", "pages:overview", "o", "jobs.view_job"),
    Destination("Jobs", "pages:jobs", "j", "jobs.view_job"),
    Destination("Failures", "pages:failures", "f", "jobs.view_failuregroup"),
    Destination("Fleet", "pages:fleet", "l", "jobs.view_orchestrator"),
    Destination("Types", "pages:types", "y", "jobs.view_jobtype"),
    Destination("Sweeps", "admin:jobs_sweeprun_changelist", "s", "jobs.view_sweeprun"),
    Destination("Bulk", "pages:bulk", "b", "jobs.view_bulkoperation"),
    Destination("Audit", "pages:audit", "a", "jobs.view_auditentry"),
    Destination("Admin", "admin:index", "d"),
)
_TONES = {"success": "s-completed", "warning": "s-warn", "error": "s-failed"}
_ICONS = {"success": "check", "warning": "alert", "error": "alert"}


@register.simple_tag(takes_context=True)
def destination_links(context: Context) -> SafeString:
    """The links of the header to the pages that whoever is signed in may look at."""
    request: HttpRequest = context["request"]
    user = request.user
    shown = [place for place in DESTINATIONS if not place.permission or user.has_perm(place.permission)]
    return format_html_join("", "{}", ((_link(place, request),) for place in shown))


@register.simple_tag(takes_context=True)
def return_field(context: Context) -> SafeString:
    """In a form that asks before an act: where the act leads back to, if the address or the form before says."""
    back = back_to(context["request"], "")
    return format_html('<input type="hidden" name="{}" value="{}">', PARAMETER, back) if back else SafeString("")


@register.simple_tag(takes_context=True)
def here(context: Context) -> SafeString:
    """What is added to the address of an act so that it leads back to this page: `next=…`."""
    return SafeString(urlencode({PARAMETER: context["request"].get_full_path()}))


@register.simple_tag
def page_keys() -> SafeString:
    """Which letters lead where, for the keyboard's help."""
    return format_html_join(
        "", "<div><dt><kbd>g</kbd> <kbd>{}</kbd></dt><dd>{}</dd></div>", ((place.key, place.words) for place in DESTINATIONS)
    )


@register.filter
def words(text: str) -> list[str]:
    return text.split()


@register.simple_tag
def static_css(name: str) -> str:
    return static(f"css/{name}.css")


@register.filter
def initials(user: AbstractUser) -> str:
    """Two letters for the corner: of both names, else of the name one signs in with."""
    names = [name for name in (user.first_name, user.last_name) if name]
    return ("".join(name[0] for name in names) if len(names) == 2 else user.get_username()[:2]).upper()


@register.filter
def role_words(user: AbstractUser) -> str:
    return role_of(user)


@register.filter
def message_tone(tags: str) -> str:
    """The class that colours a message of Django's."""
    return next((tone for tag, tone in _TONES.items() if tag in tags), "s-running")


@register.filter
def message_icon(tags: str) -> str:
    return next((symbol for tag, symbol in _ICONS.items() if tag in tags), "check")


def _link(place: Destination, request: HttpRequest) -> SafeString:
    url = reverse(place.name)
    here = request.path == url if url == "/" else request.path == url or request.path.startswith(f"{url.rstrip('/')}/")
    current = SafeString(' aria-current="page"') if here else ""
    return format_html('<a href="{}" data-key="{}"{}>{}{}</a>', url, place.key, current, place.words, _news(place))


def _news(place: Destination) -> SafeString:
    if place.name != "pages:failures":
        return SafeString("")
    new = FailureGroup.objects.filter(state=TriageState.NEW)[: _MOST_TOLD + 1].count()
    told = f"{_MOST_TOLD}+" if new > _MOST_TOLD else str(new)
    return format_html('<span class="n" aria-label="{} new">{}</span>', told, told) if new else SafeString("")
