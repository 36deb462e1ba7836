"""Failure groups: what failed alike, and what people make of it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from jobs import bulk, failure_groups
from jobs.admin.filters import CategoryFilter, TriageStateFilter, TypeFilter
from jobs.admin.readonly import acts_on
from jobs.admin.triage import TriageAdmin
from jobs.group_filters import found
from jobs.models import CanaryState, FailureCount, FailureGroup, TriageState
from jobs.templatetags.failures import TONES
from jobs.templatetags.jobs import NONE, ago, at, job_link, thousands

_HOURS_TOLD = 24


class _GroupCategoryFilter(CategoryFilter):
    column = "category"


@admin.register(FailureGroup)
class FailureGroupAdmin(TriageAdmin):
    page_template = "admin/jobs/acts.html"
    list_display = ["badge", "name", "job_type", "kind", "count", "failed", "first", "last", "whose"]
    list_filter = [TriageStateFilter, TypeFilter, _GroupCategoryFilter]
    sortable_by = ["count", "last"]
    ordering = ["-last_seen_at", "fingerprint"]
    search_fields = ["title"]
    search_help_text = "Words of the message, or a whole fingerprint"
    actions = ["acknowledge", "snooze", "resolve", "reopen", "retry"]

    @admin.action(permissions=["triage"], description="Acknowledge")
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[FailureGroup]) -> HttpResponse:
        return self.ask_or_act_on_selected(request, "acknowledge")

    @admin.action(permissions=["triage"], description="Snooze")
    def snooze(self, request: HttpRequest, queryset: QuerySet[FailureGroup]) -> HttpResponse:
        return self.ask_or_act_on_selected(request, "snooze")

    @admin.action(permissions=["triage"], description="Resolve")
    def resolve(self, request: HttpRequest, queryset: QuerySet[FailureGroup]) -> HttpResponse:
        return self.ask_or_act_on_selected(request, "resolve")

    @admin.action(permissions=["triage"], description="Reopen")
    def reopen(self, request: HttpRequest, queryset: QuerySet[FailureGroup]) -> HttpResponse:
        return self.ask_or_act_on_selected(request, "reopen")

    @admin.action(permissions=["retry"], description="Retry")
    def retry(self, request: HttpRequest, queryset: QuerySet[FailureGroup]) -> HttpResponse:
        return self.ask_or_act_on_selected(request, "retry")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[FailureGroup], search_term: str) -> tuple[Any, bool]:
        return found(queryset, search_term), False

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        page = super().get_changelist_instance(request)
        # For the page in one query, not one a row.
        failed = failure_groups.failed_now([group.fingerprint for group in page.result_list])
        for group in page.result_list:
            group.failed_now = failed.get(group.fingerprint, 0)
        return page

    def page_of(self, request: HttpRequest, noun: Any) -> dict[str, object]:
        group: FailureGroup = noun
        group.failed_now = failure_groups.failed_now([group.fingerprint]).get(group.fingerprint, 0)  # type: ignore[attr-defined]
        return {
            "title": group.title,
            "acts": self.acts_of(request, group),
            "facts": [
                ("State", self._state(group)),
                ("Owner", group.owner or NONE),
                ("Note", group.note or NONE),
                ("Jobs failed so now", self.failed(group)),
                ("Failures", thousands(group.failures)),
                ("By the hour", _hours(group)),
                ("Last retry", _last_retry(group)),
                ("First seen", format_html("{}, {}", at(group.first_seen_at), ago(group.first_seen_at))),
                ("Last seen", format_html("{}, {}", at(group.last_seen_at), ago(group.last_seen_at))),
                ("Type", group.type),
                ("Category", group.category),
                ("Code", group.code or NONE),
                ("Top frame", group.top_frame or NONE),
                ("Example", job_link(group.example_job_id)),
                ("Its error", format_html('<pre class="code wrap" tabindex="0">{}</pre>', group.example_error)),
                ("Fingerprint", format_html('<span class="id">{}</span>', group.fingerprint)),
            ],
            "entries": acts_on("failure_group", group.fingerprint),
        }

    @admin.display(description="State")
    def badge(self, group: FailureGroup) -> SafeString:
        words = "Ongoing" if group.is_ongoing and group.state == TriageState.NEW else TriageState(group.state).label
        return format_html('<span class="badge {}">{}</span>', TONES[TriageState(group.state)], words)

    @admin.display(description="Failure")
    def name(self, group: FailureGroup) -> SafeString:
        url = reverse("admin:jobs_failuregroup_change", args=[group.pk])
        return format_html('<a class="plain preview" href="{}" title="{}">{}</a>', url, group.title, group.title)

    @admin.display(description="Type")
    def job_type(self, group: FailureGroup) -> str:
        return group.type

    @admin.display(description="Category")
    def kind(self, group: FailureGroup) -> str:
        return f"{group.category} {group.code}".strip()

    @admin.display(description="Failures", ordering="failures")
    def count(self, group: FailureGroup) -> str:
        return thousands(group.failures)

    @admin.display(description="Failed now")
    def failed(self, group: FailureGroup) -> SafeString:
        """How many jobs stand failed so, leading to them."""
        jobs: int = getattr(group, "failed_now", 0)
        words = thousands(jobs) + "+" * (jobs == failure_groups.MOST_FAILED_COUNTED)
        query = urlencode({"fingerprint": group.fingerprint, "status": "failed"})
        return format_html('<a href="{}?{}">{}</a>', reverse("admin:jobs_job_changelist"), query, words)

    @admin.display(description="First seen")
    def first(self, group: FailureGroup) -> SafeString:
        return ago(group.first_seen_at)

    @admin.display(description="Last seen", ordering="last_seen_at")
    def last(self, group: FailureGroup) -> SafeString:
        return ago(group.last_seen_at)

    @admin.display(description="Owner")
    def whose(self, group: FailureGroup) -> str:
        return group.owner or NONE

    def _state(self, group: FailureGroup) -> SafeString:
        parts = [self.badge(group)]
        if group.snoozed_until:
            parts.append(format_html("until {}", at(group.snoozed_until)))
        if group.snoozed_failures is not None:
            parts.append(format_html("until {} more have failed", group.snoozed_failures))
        if group.triaged_at:
            parts.append(format_html('<span class="q">{} by {}</span>', ago(group.triaged_at), group.triaged_by))
        return format_html_join(" ", "{}", ((part,) for part in parts))


def _hours(group: FailureGroup) -> SafeString:
    counts = FailureCount.objects.filter(fingerprint=group.fingerprint, failures__gt=0).order_by("-hour")[:_HOURS_TOLD]
    return format_html_join(", ", "{} since {}", ((thousands(count.failures), at(count.hour)) for count in counts)) or NONE


def _last_retry(group: FailureGroup) -> SafeString:
    retry = bulk.last_retry(group.fingerprint)
    if retry is None:
        return NONE
    url = reverse("admin:jobs_bulkoperation_change", args=[retry.operation_id])
    state = CanaryState(retry.state).label
    return format_html('<a href="{}">{}</a>, {} canaries <span class="q">{}</span>', url, state, retry.canaries, retry.words or "")
