"""Types of jobs: how they are tried again, how many are held, and whether they are paused."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs import claiming, job_types, pausing
from jobs.admin.acting import ReasonForm, staff
from jobs.admin.policy_form import PolicyForm
from jobs.admin.readonly import ReadOnlyAdmin, acts_on, refuse_without
from jobs.job_types import PolicyRefused
from jobs.models import Job, JobType, Pause, PauseScope
from jobs.pausing import Subject
from jobs.returning import back_to
from jobs.templatetags.jobs import NONE, duration
from jobs.views.claim_acts import CHANGE_TYPE, TYPE_ACTS, type_offers
from jobs.views.offers import open_acts


@admin.register(JobType)
class JobTypeAdmin(ReadOnlyAdmin):
    page_template = "admin/jobs/acts.html"
    list_display = ["type", "claims", "held", "tries", "time", "pauses", "retried"]
    sortable_by = ()
    ordering = ["name"]
    search_fields = ["name"]
    search_help_text = "Beginning of a type"

    def get_urls(self) -> list[URLPattern]:
        views = ((name, self.admin_site.admin_view(partial(self._ask_or_act, act=name))) for name in TYPE_ACTS)
        return [*(path(f"<path:object_id>/{name}/", view, name=f"jobs_jobtype_{name}") for name, view in views), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[JobType]:
        pause = Pause.objects.filter(scope=PauseScope.TYPE, name=OuterRef("name"))
        slots = Job.objects.filter(holds_slot=True, type=OuterRef("name")).order_by().values("type")
        return JobType.objects.annotate(
            paused_because=Subquery(pause.values("reason")), slots_held=Subquery(slots.annotate(count=Count("id")).values("count"))
        )

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return queryset.filter(name__startswith=search_term.strip()), False

    def page_of(self, request: HttpRequest, noun: Any) -> dict[str, object]:
        pauses = pausing.pauses_of_type(noun.name)
        is_paused = any(pause.scope == PauseScope.TYPE for pause in pauses)
        holders = ", ".join(f"{name} ({count})" for name, count in job_types.slot_holders(noun.name).items())
        jobs = format_html('<a href="{}?type={}">All its jobs</a>', reverse("admin:jobs_job_changelist"), noun.name)
        return {
            "acts": open_acts(type_offers(request.user, noun.name, is_paused=is_paused)),
            "pauses": pauses,
            "facts": [
                ("Jobs", jobs),
                ("Held", self.held(noun)),
                ("Held by", holders or NONE),
                ("Attempts", self.tries(noun)),
                ("Time limit", self.time(noun)),
                ("Pause before a retry", self.pauses(noun)),
                ("Tried again on", self.retried(noun)),
            ],
            "entries": acts_on("type", noun.name),
        }

    @admin.display(description="Type")
    def type(self, job_type: JobType) -> SafeString:
        return format_html('<a class="plain" href="{}">{}</a>', _url("change", job_type), job_type.name)

    @admin.display(description="Claims")
    def claims(self, job_type: JobType) -> str | SafeString:
        reason = getattr(job_type, "paused_because", None)
        return format_html('<span class="badge s-warn">Paused</span> <span class="q">{}</span>', reason) if reason else "as usual"

    @admin.display(description="Held")
    def held(self, job_type: JobType) -> str:
        if job_type.concurrency_limit is None:
            return "any number"
        return f"{getattr(job_type, 'slots_held', None) or 0} of {job_type.concurrency_limit}"

    @admin.display(description="Attempts")
    def tries(self, job_type: JobType) -> SafeString:
        return _said(job_type.in_force("max_attempts"), job_type.max_attempts)

    @admin.display(description="Time limit")
    def time(self, job_type: JobType) -> SafeString:
        return _said(duration(job_type.in_force("timeout_seconds")), job_type.timeout_seconds)

    @admin.display(description="Pause before a retry")
    def pauses(self, job_type: JobType) -> SafeString:
        base, cap = (duration(job_type.in_force(part)) for part in ("backoff_base_seconds", "backoff_cap_seconds"))
        said = (job_type.backoff_base_seconds, job_type.backoff_cap_seconds)
        return _said(f"{base}, doubling to {cap}", None if said == (None, None) else said)

    @admin.display(description="Tried again on")
    def retried(self, job_type: JobType) -> SafeString:
        categories = job_type.retryable_categories
        told = "all but what trying again can't mend" if categories is None else ", ".join(categories) or "nothing"
        return _said(told, categories)

    def _ask_or_act(self, request: HttpRequest, object_id: str, *, act: str) -> HttpResponse:
        refuse_without(request, CHANGE_TYPE)
        job_type = self.noun(request, object_id)
        if job_type is None:
            return self.nothing_there(request, object_id)
        form = _form(act, job_type, request.POST if request.method == "POST" else None)
        if form.is_valid() and (told := self._act(request, act, job_type, form)):
            messages.success(request, told)
            return HttpResponseRedirect(back_to(request, _url("change", job_type)))
        context: dict[str, Any] = {
            "title": f"{act.capitalize()} {job_type.name}",
            "opts": self.opts,
            "form": form,
            "consequence": TYPE_ACTS[act].consequence,
            "waiting": claiming.queue_size([job_type.name]),
            "back": back_to(request, _url("change", job_type)),
        }
        return TemplateResponse(request, "admin/jobs/act_on_type.html", self.admin_site.each_context(request) | context)

    def _act(self, request: HttpRequest, act: str, job_type: JobType, form: Any) -> str:
        """What was done, in words; empty, and told by the form, when it was refused."""
        by, reason = staff(request), form.cleaned_data["reason"]
        if act == "configure":
            try:
                changed = job_types.configure(job_type.name, by=by, reason=reason, **form.changes())
            except PolicyRefused as refusal:
                form.add_error(refusal.part, str(refusal))
                return ""
            return f"Configured: {job_type.name}." if changed else f"Nothing has changed: {job_type.name} was so already."
        stop_or_go: Callable[..., object] = pausing.pause if act == "pause" else pausing.resume
        stop_or_go(by=by, reason=reason, subject=Subject.type(job_type.name))
        return f"{'Paused' if act == 'pause' else 'Resumed'}: {job_type.name}."


def _form(act: str, job_type: JobType, sent: Any) -> forms.Form:
    return PolicyForm(sent, initial=PolicyForm.said_of(job_type)) if act == "configure" else ReasonForm(sent)


def _said(told: object, said: object) -> SafeString:
    """A word of this type; paler where it is that of every type."""
    return format_html("{}", told) if said is not None else format_html('<span class="q">{}</span>', told)


def _url(page: str, job_type: JobType) -> str:
    return reverse(f"admin:jobs_jobtype_{page}", args=[quote(job_type.name)])
