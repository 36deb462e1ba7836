"""How failure groups and operations on many jobs look, the same on every page and in the admin."""

import re

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from jobs.legible import legible
from jobs.models import BulkOperation, BulkState, FailureGroup, TriageState
from jobs.templatetags.jobs import ago, at

register = template.Library()
TONES = {
    TriageState.NEW: "s-failed",
    TriageState.REGRESSED: "s-warn",
    TriageState.ACKNOWLEDGED: "s-running",
    TriageState.SNOOZED: "s-queued",
    TriageState.RESOLVED: "s-completed",
}
BULK_TONES = {
    BulkState.PREVIEW: "s-queued",
    BulkState.RUNNING: "s-running",
    BulkState.PAUSED: "s-warn",
    BulkState.STOPPED: "s-cancelled",
    BulkState.DONE: "s-completed",
}
BULK_WORDS = {state: str(state.label) for state in BulkState} | {BulkState.PREVIEW: "Not confirmed"}
# What jobs/fingerprints.py writes for what varies.
_MASK = re.compile("#|&lt;(?:email|path|text|url)&gt;")


@register.simple_tag
def group_tag(group: FailureGroup) -> SafeString:
    """What people have made of a group."""
    state = TriageState(group.state)
    return format_html('<span class="tag {}">{}</span>', TONES[state], state.label)


@register.simple_tag
def group_remark(group: FailureGroup) -> SafeString:
    """What a reader must know of a group's state besides its name."""
    if group.snoozed_until:
        return format_html("until {}", at(group.snoozed_until))
    if group.snoozed_failures is not None:
        return format_html("until {} more", group.snoozed_failures)
    if group.state in (TriageState.REGRESSED, TriageState.RESOLVED) and group.triaged_at:
        return format_html("resolved {}", ago(group.triaged_at))
    if group.is_ongoing:
        return SafeString("ongoing")
    return ago(group.first_seen_at) if group.state == TriageState.NEW else SafeString("")


@register.simple_tag
def bulk_tag(operation: BulkOperation) -> SafeString:
    state = BulkState(operation.state)
    return format_html('<span class="tag {}">{}</span>', BULK_TONES[state], BULK_WORDS[state])


@register.filter
def exit_told(codes: str) -> str:
    """The codes of a group, its exit code named as such."""
    first, _, rest = legible(codes).partition(" ")
    return " ".join(filter(None, (f"exit {first}" if first.lstrip("-").isdecimal() else first, rest)))


@register.filter
def masked(title: str) -> SafeString:
    """A group's title, what varies from one of its failures to the next set apart."""
    return mark_safe(_MASK.sub(lambda found: f'<i class="hash" title="varies">{found[0]}</i>', escape(legible(title))))  # noqa: S308
