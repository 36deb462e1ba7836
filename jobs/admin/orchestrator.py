"""Orchestrators: who they are and when they were last heard of."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from jobs import fleet
from jobs.admin.pausing import PausableAdmin
from jobs.cancels import ignored_cancels
from jobs.masking import shown
from jobs.models import Job, Orchestrator, Subscription
from jobs.templatetags.jobs import NONE, ago, icon

# For how long a report without a lease token marks its orchestrator.
_UNFENCED_FOR = timedelta(days=1)
# For how long it is told that two used an id.
_DOUBLE_TOLD_FOR = timedelta(days=1)


@admin.register(Orchestrator)
class OrchestratorAdmin(PausableAdmin):
    list_display = ["name", "seen", "heartbeat", "fencing", "slots", "version", "where", "types", "has"]
    sortable_by = ()
    ordering = ["-last_seen_at", "id"]
    search_fields = ["id"]
    search_help_text = "Beginning of an id"

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return queryset.filter(id__startswith=search_term.strip()), False

    def page_of(self, request: HttpRequest, noun: Any) -> dict[str, object]:
        holds = Job.objects.held_by(noun.id).count()
        jobs = format_html('<a href="{}?orchestrator={}">{} held now</a>', reverse("admin:jobs_job_changelist"), noun.id, holds)
        pausing = self.pausing_of(request, noun)
        return {
            "acts": pausing["acts"],
            "facts": [
                ("Jobs", jobs),
                ("Claims", pausing["claims"]),
                ("Last heard of", ago(noun.last_seen_at)),
                ("Last heartbeat", ago(noun.last_heartbeat_at)),
                ("First seen", ago(noun.first_seen_at)),
                ("Lease tokens", self.fencing(noun)),
                ("Ignored cancels", self.ignored(noun)),
                ("Slots", self.slots(noun)),
                ("Version", noun.version or NONE),
                ("Host", self.where(noun)),
                ("Types", self.types(noun)),
                ("Labels", self.has(noun)),
                ("Asks for", _asks_for(noun)),
            ],
            "documents": [("Capacity", shown(noun.capacity)), ("Last report", shown(noun.last_report))],
        }

    @admin.display(description="Orchestrator")
    def name(self, orchestrator: Orchestrator) -> SafeString:
        return format_html(
            '<a class="plain" href="{}">{}</a>', reverse("admin:jobs_orchestrator_change", args=[quote(orchestrator.id)]), orchestrator.id
        )

    @admin.display(description="Last heard of")
    def seen(self, orchestrator: Orchestrator) -> SafeString:
        return ago(orchestrator.last_seen_at)

    @admin.display(description="Heartbeat")
    def heartbeat(self, orchestrator: Orchestrator) -> SafeString:
        return ago(orchestrator.last_heartbeat_at)

    @admin.display(description="Lease tokens")
    def fencing(self, orchestrator: Orchestrator) -> SafeString:
        """Whether its claims can be told apart: one that reports without lease tokens may, after a pause, speak for a run that is over."""
        last = orchestrator.last_unfenced_at
        if last is None:
            return NONE
        if timezone.now() - last > _UNFENCED_FOR:
            return format_html('<span class="q">missing until {}</span>', ago(last))
        return format_html(
            '<span class="st"><small class="w">{}unfenced</small></span> <span class="q">{}</span>', icon("alert", "s"), ago(last)
        )

    def ignored(self, orchestrator: Orchestrator) -> str:
        """Cancels that it did not obey although it was alive."""
        lately, before = ignored_cancels(orchestrator.id, timedelta(days=1), timedelta(days=30))
        return f"{lately} in 24 hours, {before} in 30 days" if before else "none in 30 days"

    @admin.display(description="Slots")
    def slots(self, orchestrator: Orchestrator) -> str:
        capacity = orchestrator.capacity if isinstance(orchestrator.capacity, dict) else {}
        current, most = capacity.get("currentJobs"), capacity.get("maxJobs")
        return f"{'?' if current is None else current} of {most} busy" if most is not None else NONE

    @admin.display(description="Types")
    def types(self, orchestrator: Orchestrator) -> str:
        return _types(orchestrator.job_types)

    @admin.display(description="Labels")
    def has(self, orchestrator: Orchestrator) -> str:
        return ", ".join(orchestrator.labels or []) or NONE

    @admin.display(description="Host")
    def where(self, orchestrator: Orchestrator) -> str | SafeString:
        """Where it runs; two places when two processes use its id, who then take each other's jobs for their own."""
        host, at, both = orchestrator.hostname or NONE, orchestrator.double_at, " and ".join(orchestrator.double_places or [])
        if fleet.is_double(orchestrator):
            return format_html('<span class="st"><small class="w">{}used by two at once</small></span> {}', icon("alert", "s"), both)
        if at is not None and timezone.now() - at < _DOUBLE_TOLD_FOR:
            return format_html('{} <span class="q">used by two at once until {}: {}</span>', host, ago(at), both)
        return host


def _types(types: list[str] | None) -> str:
    return "any" if types is None else ", ".join(types) or NONE


def _asks_for(orchestrator: Orchestrator) -> str | SafeString:
    """What it lately claimed with, where that is more than its record."""
    asked = Subscription.objects.filter(orchestrator_id=orchestrator.id).exclude(types=None, labels=None).order_by("-asked_at")
    lines = [(_types(each.types), "".join(f" +{label}" for label in each.labels or []), ago(each.asked_at)) for each in asked]
    return format_html_join(mark_safe("<br>"), '{}{} <span class="q">{}</span>', lines) or NONE
