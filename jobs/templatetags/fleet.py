"""How orchestrators look: health, slots in use, what they ask for."""

from collections.abc import Sequence
from dataclasses import dataclass

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.health import Health
from jobs.roster import Ask, Member
from jobs.templatetags.jobs import icon

register = template.Library()
# The class that colours each, and its icon.
_LOOKS = {
    Health.LIVE: ("s-completed", "check"),
    Health.LATE: ("s-warn", "clock"),
    Health.OFFLINE: ("s-failed", "offline"),
    Health.DRAINED: ("s-queued", "pause"),
    Health.DISABLED: ("s-queued", "stop"),
}
# Of what one asks for; the rest is counted.
_MOST_NAMED = 3


@dataclass(frozen=True)
class Bar:
    """Slots in use, in percent of those there are.

    Attributes:
        words: the same for who does not see it.
        told: beside it.
    """

    words: str
    told: str
    running: float
    claimed: float


@register.simple_tag
def health_tag(health: Health) -> SafeString:
    tone, symbol = _LOOKS[health]
    return format_html('<span class="tag {}">{}{}</span>', tone, icon(symbol, "s"), health.capitalize())


@register.inclusion_tag("parts/slots.html")
def slots_in_use(member: Member) -> dict[str, Bar]:
    """A bar of what runs, what is claimed and what is free; of one that never told its slots, of what it holds."""
    whole = max(member.slots or 0, member.held) or 1
    of = f" of {member.slots}" if member.slots is not None else ""
    words = f"{member.running} running, {member.claimed} claimed" + (f", {member.free} free{of}" if of else "; it never told its slots")
    return {"bar": Bar(words, f"{member.held}{of}", round(100 * member.running / whole, 1), round(100 * member.claimed / whole, 1))}


@register.filter
def types_asked(asks: Sequence[Ask]) -> str:
    """The types that claims ask for: `any type`, or the first few."""
    if any(ask.types is None for ask in asks):
        return "any type"
    return _first_of(dict.fromkeys(name for ask in asks for name in ask.types or []), none="none")


@register.filter
def labels_asked(asks: Sequence[Ask]) -> str:
    """The labels that claims bring; empty when they bring none."""
    return _first_of(dict.fromkeys(label for ask in asks for label in ask.labels or []), none="")


def _first_of(names: dict[str, None], *, none: str) -> str:
    told, more = list(names)[:_MOST_NAMED], len(names) - _MOST_NAMED
    return (", ".join(told) or none) + (f" and {more} more" if more > 0 else "")
