"""Sweeps: which runs there were, what one would do now, and one by hand."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs import rules
from jobs.actors import Actor
from jobs.admin.acting import ReasonForm, staff
from jobs.admin.filters import OneOf
from jobs.admin.readonly import ReadOnlyAdmin, refuse_without
from jobs.models import SweepRun
from jobs.returning import back_to
from jobs.rules import EVERYTHING, Narrowing
from jobs.sweep_runs import ByHand
from jobs.sweeps import Sweep, sweep
from jobs.templatetags.jobs import NONE, ago, duration

# The rest is counted.
SHOWN = 200
# A page can't wait for more; the loop takes what is left.
MOST_AT_ONCE = 5000


class RuleFilter(OneOf):
    title = parameter_name = column = "rule"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name.replace("_", " ").capitalize()) for name in rules.NAMES]


class SweepForm(ReasonForm):
    rule = forms.ChoiceField(
        choices=[("", "All rules"), *((rule.name, f"{rule.name}: {rule.looks_for}") for rule in rules.RULES)],
        required=False,
        help_text="No rule goes by age: a lease, or the time to obey a cancel, must have run out.",
    )
    field_order = ("rule", "reason")


@admin.register(SweepRun)
class SweepRunAdmin(ReadOnlyAdmin):
    list_display = ["when", "what", "examined", "found", "changed", "took", "by", "why"]
    list_filter = [RuleFilter]
    sortable_by = ()
    ordering = ["-id"]

    def get_urls(self) -> list[URLPattern]:
        return [path("sweep/", self.admin_site.admin_view(self.sweep_view), name="jobs_sweeprun_sweep"), *super().get_urls()]

    def has_sweep_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.change_sweeprun")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"may_sweep": self.has_sweep_permission(request)} | (extra_context or {}))

    def sweep_view(self, request: HttpRequest) -> HttpResponse:
        """Asks which rules; tells what they would do, or, with a reason, lets them do it."""
        refuse_without(request, "jobs.change_sweeprun")
        form, foretold = SweepForm(request.POST or None), None
        if form.is_bound and "preview" in request.POST:
            # Looked at only, and so for no reason yet.
            form.fields["reason"].required = False
            if form.is_valid():
                foretold = _sweep(request, form.cleaned_data["rule"], dry_run=True, reason=None)
        elif form.is_valid():
            done = _sweep(request, form.cleaned_data["rule"], dry_run=False, reason=form.cleaned_data["reason"])
            messages.success(request, _told(done))
            return HttpResponseRedirect(back_to(request, reverse("admin:jobs_sweeprun_changelist")))
        context = {
            "title": "Sweep now",
            "opts": self.opts,
            "form": form,
            "foretold": foretold,
            "shown": foretold.swept[:SHOWN] if foretold else [],
            "more": max(0, len(foretold.swept) - SHOWN) if foretold else 0,
        }
        return TemplateResponse(request, "admin/jobs/sweep.html", self.admin_site.each_context(request) | context)

    def page_of(self, request: HttpRequest, noun: Any) -> dict[str, object]:
        run: SweepRun = noun
        (rule,) = (rule for rule in rules.RULES if rule.name == run.rule)
        return {
            "title": f"Sweep by {run.rule}",
            "facts": [
                ("Rule", run.rule),
                ("Looks for", rule.looks_for),
                ("Then", rule.outcome),
                ("When", ago(run.at)),
                ("By", run.actor),
                ("Reason", run.reason or NONE),
                ("Kind", "dry run: nothing was changed" if run.dry_run else "in earnest"),
                ("Looked at", run.examined),
                ("Stuck", run.found),
                ("Changed", run.changed),
                ("Brake", run.brake or "did not hold"),
                ("Took", f"{duration(run.seconds)}, with the other rules that were swept by"),
            ],
            "documents": [],
        }

    @admin.display(description="When")
    def when(self, run: SweepRun) -> SafeString:
        return ago(run.at)

    @admin.display(description="Rule")
    def what(self, run: SweepRun) -> SafeString:
        url = reverse("admin:jobs_sweeprun_change", args=[run.pk])
        mark = SafeString(' <span class="q">dry run</span>') if run.dry_run else ""
        return format_html('<a class="plain" href="{}">{}</a>{}', url, run.rule.replace("_", " "), mark)

    @admin.display(description="Took")
    def took(self, run: SweepRun) -> str:
        return duration(run.seconds)

    @admin.display(description="By")
    def by(self, run: SweepRun) -> str:
        return run.actor

    @admin.display(description="Remark")
    def why(self, run: SweepRun) -> str:
        return "; ".join(filter(None, (run.reason, run.brake and f"the brake held: {run.brake}")))


def _sweep(request: HttpRequest, rule: str, *, dry_run: bool, reason: str | None) -> Sweep:
    who = staff(request)
    return sweep(
        by=Actor.sweep(request_id=who.request_id),
        narrowing=Narrowing(rules=[rule]) if rule else EVERYTHING,
        limit=MOST_AT_ONCE,
        dry_run=dry_run,
        by_hand=ByHand(who, reason),
    )


def _told(done: Sweep) -> str:
    told = [f"{count} by {rule}" for rule, count in sorted(done.found.items())]
    kept = f" The brake holds: {done.brake.reason}; {done.brake.kept} running leases that ran out are kept." if done.brake else ""
    return (f"Swept {len(done.swept)}: {', '.join(told)}." if told else "Nothing was swept.") + kept
