"""The audit log: the whole of it, for reading only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin.filters import ActionFilter, ActorKindFilter, AtFilter
from jobs.admin.readonly import ReadOnlyAdmin
from jobs.ids import PREFIX
from jobs.masking import shown
from jobs.models import AuditEntry
from jobs.roles import VIEW_PAYLOAD
from jobs.templatetags.jobs import NONE, ago, job_link, status_word


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["when", "what", "change", "job", "by", "number", "why", "request"]
    list_filter = [ActionFilter, ActorKindFilter, AtFilter]
    sortable_by = ()
    ordering = ["-id"]
    search_fields = ["job_id"]
    search_help_text = "A whole job id, or a whole request id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        entries = AuditEntry.objects.all()
        on_list = request.resolver_match and request.resolver_match.url_name == "jobs_auditentry_changelist"
        return entries.defer("detail", "digest") if on_list else entries

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(**{"job_id" if term.startswith(PREFIX) else "request_id": term}), False

    def page_of(self, request: HttpRequest, noun: Any) -> dict[str, object]:
        entry: AuditEntry = noun
        return {
            "title": entry.action.replace("_", " ").capitalize() + (f", entry {entry.sequence} of its job" if entry.job_id else ""),
            "facts": [
                ("Job", job_link(entry.job_id)),
                ("Subject", f"{entry.subject_type} {entry.subject_id}" if entry.subject_type else NONE),
                ("Change", self.change(entry)),
                ("When", format_html("{}, {} UTC", ago(entry.at), f"{entry.at:%Y-%m-%d %H:%M:%S.%f}")),
                ("Stated", f"{entry.stated_at:%Y-%m-%d %H:%M:%S.%f} UTC, by the caller's clock" if entry.stated_at else NONE),
                ("By", f"{entry.actor} ({entry.actor_kind})"),
                ("Attempt", entry.attempt or NONE),
                ("Epoch", NONE if entry.epoch is None else entry.epoch),
                ("Reason", entry.reason or NONE),
                ("Request", entry.request_id or NONE),
            ],
            "documents": [("Detail", shown(entry.detail))] if request.user.has_perm(VIEW_PAYLOAD) else [],
        }

    @admin.display(description="When")
    def when(self, entry: AuditEntry) -> SafeString:
        return ago(entry.at)

    @admin.display(description="Action")
    def what(self, entry: AuditEntry) -> SafeString:
        return format_html(
            '<a class="plain" href="{}">{}</a>', reverse("admin:jobs_auditentry_change", args=[entry.pk]), entry.action.replace("_", " ")
        )

    @admin.display(description="Change")
    def change(self, entry: AuditEntry) -> SafeString:
        if entry.to_status is None or entry.from_status == entry.to_status:
            return NONE
        after = SafeString(render_to_string("jobs/_status_badge.html", status_word(entry.to_status)))
        return format_html('<span class="q">{} →</span> {}', entry.from_status, after) if entry.from_status else after

    @admin.display(description="Job")
    def job(self, entry: AuditEntry) -> SafeString:
        if entry.subject_type:
            return format_html('<span class="q">{}</span> <span class="id">{}</span>', entry.subject_type, entry.subject_id)
        return job_link(entry.job_id)

    @admin.display(description="By")
    def by(self, entry: AuditEntry) -> SafeString:
        return format_html('{} <span class="q">{}</span>', entry.actor, "" if entry.actor == entry.actor_kind else entry.actor_kind)

    @admin.display(description="Att.")
    def number(self, entry: AuditEntry) -> str:
        return NONE if entry.attempt is None else str(entry.attempt)

    @admin.display(description="Reason")
    def why(self, entry: AuditEntry) -> SafeString:
        return format_html('<span class="preview" title="{}">{}</span>', entry.reason, entry.reason) if entry.reason else SafeString("")

    @admin.display(description="Request")
    def request(self, entry: AuditEntry) -> SafeString:
        return format_html('<span class="id" title="{}">{}</span>', entry.request_id, entry.request_id[:12]) if entry.request_id else NONE
