"""Jobs: the list for triage, the page of one job, and the verbs that staff may say."""

import re
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin import acting, adding, selecting
from jobs.admin.filters import (
    AttentionFilter,
    CategoryFilter,
    CreatedFilter,
    FingerprintFilter,
    OrchestratorFilter,
    StatusFilter,
    TypeFilter,
)
from jobs.admin.readonly import ReadOnlyAdmin
from jobs.bulk import ACTIONS, FORCED
from jobs.failures import exit_words
from jobs.filters import WrongFilter
from jobs.ids import PREFIX
from jobs.legible import one_line
from jobs.lifecycle import Act, Verb
from jobs.masking import is_secret
from jobs.models import Job
from jobs.paging import WrongPage
from jobs.returning import back_to
from jobs.roles import ACT_ON_MANY, FORCE, VIEW_PAYLOAD
from jobs.search import MOST_SEARCHED
from jobs.templatetags.jobs import NONE, ago, job_link, status_badge
from jobs.views.job_page import context_of, jobs_for_a_page, runs_begun
from jobs.views.jobs import search_of
from jobs.views.logs import NO_CHOICE, tail

# Of an error, what is looked at in lists: it may be megabytes.
ERROR_HEAD = 2000
# Of {"name": …, "value": …} it is masked by the name.
_NAMED_BESIDE = "value"
_IN_PAYLOAD = re.compile(r"payload\.(?P<keys>[^=\0]{1,200})=(?P<value>[^\0]{1,500})")

# What the jobs page asks for; jobs are forced from their own pages.
_ASKED_FOR = frozenset({Verb.RETRY, Verb.CANCEL, Verb.RELEASE, Act.EDIT})


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    page_template = "admin/jobs/job.html"
    list_display = ["badge", "job", "job_type", "runs", "holder", "error", "created", "updated"]
    list_filter = [StatusFilter, TypeFilter, OrchestratorFilter, CategoryFilter, FingerprintFilter, AttentionFilter, CreatedFilter]
    # Only what an index gives in order.
    sortable_by = ["updated"]
    ordering = ["-updated_at", "-id"]
    search_fields = ["id"]
    search_help_text = f"Id, words of an error, or payload.key=value, among the newest {MOST_SEARCHED:,} jobs"
    actions = ["retry", "cancel", "release", "edit", "force_fail", "force_cancel"]
    needs = {"act": ("jobs.change_job",), "force": ("jobs.change_job", FORCE)}

    @admin.action(permissions=["act"], description="Retry")
    def retry(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse:
        return self._ask_or_act(request, queryset, Verb.RETRY)

    @admin.action(permissions=["act"], description="Cancel")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse:
        return self._ask_or_act(request, queryset, Verb.CANCEL)

    @admin.action(permissions=["act"], description="Release")
    def release(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse:
        return self._ask_or_act(request, queryset, Verb.RELEASE)

    @admin.action(permissions=["act"], description="Set priority")
    def edit(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse:
        return self._ask_or_act(request, queryset, Act.EDIT)

    @admin.action(permissions=["force"], description="Force fail")
    def force_fail(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse:
        return self._ask_or_force(request, "force_fail")

    @admin.action(permissions=["force"], description="Force cancel")
    def force_cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse:
        return self._ask_or_force(request, "force_cancel")

    def _ask_or_act(self, request: HttpRequest, queryset: QuerySet[Job], name: str) -> HttpResponse:
        if selecting.is_for_many(request):
            return selecting.ask_or_begin(self, request, ACTIONS[name], queryset, words=selecting.words_of(request))
        return acting.ask_or_act(self, request, ACTIONS[name])

    def _ask_or_force(self, request: HttpRequest, name: str) -> HttpResponse:
        if selecting.is_for_many(request):
            messages.error(request, f"At most {acting.MOST_AT_ONCE} jobs are forced at once; nothing was done.")
            return HttpResponseRedirect(request.get_full_path())
        return acting.ask_or_act(self, request, FORCED[name])

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return adding.ask_or_add(self, request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(adding.PERMISSION)

    def get_urls(self) -> list[URLPattern]:
        return [path("act/", self.admin_site.admin_view(self.act_view), name="jobs_job_act"), *super().get_urls()]

    def act_view(self, request: HttpRequest) -> HttpResponse:
        """The same actions, asked for from the jobs page: the address says which jobs match there."""
        if not self.has_act_permission(request):
            raise PermissionDenied("jobs.change_job")
        otherwise = back_to(request, reverse("pages:jobs"))
        name = request.POST.get("action", "")
        if name not in _ASKED_FOR or not (selecting.is_across(request) or acting.selected_in(request)):
            messages.warning(request, "Nothing was done: select jobs, and what to do to them.")
            return HttpResponseRedirect(otherwise)
        if not selecting.is_for_many(request):
            return acting.ask_or_act(self, request, ACTIONS[name])
        try:
            search = search_of(request)
            return selecting.ask_or_begin(self, request, ACTIONS[name], search.found(), words=search.in_words)
        except (WrongFilter, WrongPage) as wrong:
            messages.error(request, str(wrong))
            return HttpResponseRedirect(otherwise)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        selecting.tick_for_all(request)
        return super().changelist_view(
            request, {**(extra_context or {}), "acts_on_all": _may_act_on_all(request), "may_force": self.has_force_permission(request)}
        )

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms(self.needs["act"])

    def has_force_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms(self.needs["force"])

    def page_of(self, request: HttpRequest, noun: Any) -> dict[str, object]:
        seen_on_site = {"view_on_site": self.get_view_on_site_url(noun)}
        return context_of(noun, user=request.user) | {"log": tail(noun.id, NO_CHOICE), "find": ""} | seen_on_site

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        if request.resolver_match and request.resolver_match.url_name == "jobs_job_changelist":
            return Job.objects.defer("payload", "metadata", "result", "last_error", "progress").annotate(
                error_head=Left("last_error", ERROR_HEAD)
            )
        return jobs_for_a_page()

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Job], search_term: str) -> tuple[QuerySet[Job], bool]:
        words = search_term.split()
        if not words:
            return queryset, False
        if search_term.strip().startswith(PREFIX):
            return queryset.filter(id__startswith=search_term.strip()), False
        newest = queryset.order_by("-updated_at", "-id").values("id")[:MOST_SEARCHED]
        found: QuerySet[Any] = queryset.filter(id__in=newest)
        if in_payload := _IN_PAYLOAD.fullmatch(search_term.strip()):
            return self._with_payload(request, found, in_payload["keys"].split("."), in_payload["value"]), False
        for word in words[:10]:
            found = found.filter(error_head__icontains=word)
        return found, False

    def _with_payload(self, request: HttpRequest, jobs: "QuerySet[Job]", keys: list[str], value: str) -> QuerySet[Job]:
        """Those whose payload says so; none where the answer would tell what is not shown."""
        if not request.user.has_perm(VIEW_PAYLOAD) or any(is_secret(key) or key == _NAMED_BESIDE for key in keys):
            messages.warning(request, "No payload is searched for what you may not read.")
            return jobs.none()
        place: Any = "payload"
        for key in keys[:-1]:
            place = KeyTransform(key, place)
        return jobs.annotate(sought=KeyTextTransform(keys[-1], place)).filter(sought=value)

    @admin.display(description="Status")
    def badge(self, job: Job) -> str:
        return render_to_string("jobs/_status_badge.html", status_badge(job))

    @admin.display(description="Job")
    def job(self, job: Job) -> SafeString:
        return job_link(job.id)

    @admin.display(description="Type")
    def job_type(self, job: Job) -> str:
        return job.type

    @admin.display(description="Att.")
    def runs(self, job: Job) -> str:
        return f"{runs_begun(job)}/{job.max_attempts}"

    @admin.display(description="Held by")
    def holder(self, job: Job) -> str:
        return job.orchestrator_id or NONE

    @admin.display(description="Error")
    def error(self, job: Job) -> SafeString:
        head = getattr(job, "error_head", None)
        if not head:
            return SafeString("")
        code = (
            format_html('<span class="x" title="{}">{}</span>', exit_words(job.exit_code), job.exit_code)
            if job.exit_code is not None
            else ""
        )
        full = head if len(head) < ERROR_HEAD else f"{head}…\n(the whole error stands on the job's page)"
        return format_html('<span class="preview" title="{}">{}{}</span>', full, code, one_line(head))

    @admin.display(description="Created")
    def created(self, job: Job) -> SafeString:
        return ago(job.created_at)

    @admin.display(description="Updated", ordering="updated_at")
    def updated(self, job: Job) -> SafeString:
        return ago(job.updated_at)


def _may_act_on_all(request: HttpRequest) -> bool:
    return selecting.may_act_on_many(request) and request.user.has_perm(ACT_ON_MANY)
