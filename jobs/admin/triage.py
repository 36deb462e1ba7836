"""Staff say what they make of failure groups, and retry them: asked for a reason first, as for jobs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern

from jobs import bulk, failure_groups, triage
from jobs.actors import Actor
from jobs.admin.acting import MOST_AT_ONCE, SAMPLE, ReasonForm, in_number, shares_of, staff
from jobs.admin.readonly import ReadOnlyAdmin, refuse_without
from jobs.admin.selecting import refuse_many
from jobs.lifecycle import ActorKind
from jobs.models import FailureGroup, TriageState
from jobs.records import SiteAct
from jobs.returning import back_to
from jobs.times import now
from jobs.triage import NoSuchGroup, Triaged, TriageRefused
from jobs.views.group_acts import GROUP_ACTS, GroupAct, is_open


class NoteForm(ReasonForm):
    note = forms.CharField(
        required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}), help_text="What is known so far. Empty: as it is."
    )
    field_order = ["note", "reason"]

    def terms(self) -> dict[str, Any]:
        """What the act is told besides the reason."""
        return {"note": self.cleaned_data["note"] or None}


class AcknowledgeForm(NoteForm):
    owner = forms.CharField(required=False, max_length=150, help_text="Who looks into it. Empty: you.")
    field_order = ["owner", "note", "reason"]

    def terms(self) -> dict[str, Any]:
        return {**super().terms(), "owner": self.cleaned_data["owner"] or None}


class SnoozeForm(ReasonForm):
    hours = forms.IntegerField(required=False, min_value=1, max_value=24 * 365, label="For so many hours")
    failures = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1, label="Until so many more have failed")
    field_order = ["hours", "failures", "reason"]

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if not self.errors and not (told.get("hours") or told.get("failures")):
            self.add_error("hours", "Say for how long, or until how many more failures.")
        return told

    def terms(self) -> dict[str, Any]:
        hours = self.cleaned_data["hours"]
        return {"until": now() + timedelta(hours=hours) if hours else None, "failures": self.cleaned_data["failures"]}


class PlainForm(ReasonForm):
    def terms(self) -> dict[str, Any]:
        return {}


class RetryForm(ReasonForm):
    canaries = forms.IntegerField(
        initial=bulk.CANARIES, min_value=1, max_value=bulk.MOST_CANARIES, help_text="So many jobs of it are tried first."
    )
    minutes = forms.IntegerField(
        initial=0,
        min_value=0,
        max_value=int(bulk.LONGEST_SPREAD / timedelta(minutes=1)),
        label="Spread the rest over minutes",
        help_text="0: at once.",
    )
    field_order = ["canaries", "minutes", "reason"]

    def terms(self) -> dict[str, Any]:
        return {"canaries": self.cleaned_data["canaries"], "over": timedelta(minutes=self.cleaned_data["minutes"])}


Form = NoteForm | SnoozeForm | PlainForm | RetryForm


@dataclass(frozen=True)
class Act:
    """
    Attributes:
        make: called with a fingerprint, by=, reason= and the terms of the form; False when it was so already.
        shown: its icon, what it comes to and which permissions it needs.
        past: what has been done to a group then.
        is_open: whether it would change anything of a group that is so.
        note: what else there is to know.
        reach: on how many jobs it acts, of such groups.
    """

    make: Callable[..., bool]
    form: type[Form]
    shown: GroupAct
    past: str
    is_open: Callable[[FailureGroup], bool]
    note: str = "Neither jobs nor counts are changed."
    reach: Callable[[Sequence[str]], int] = lambda names: 0


def _of_triage(name: SiteAct, make: Callable[..., Triaged], form: type[Form], past: str) -> Act:
    return Act(
        lambda fingerprint, **said: make(fingerprint, **said).changed,
        form,
        GROUP_ACTS[name],
        past,
        lambda group: is_open(name, TriageState(group.state)),
    )


def _retry(fingerprint: str, *, by: Actor, reason: str, canaries: int, over: timedelta) -> bool:
    bulk.retry_group(fingerprint, by=by, reason=reason, canaries=canaries, over=over)
    return True


ACTS = {
    SiteAct.ACKNOWLEDGE: _of_triage(SiteAct.ACKNOWLEDGE, triage.acknowledge, AcknowledgeForm, "acknowledged"),
    SiteAct.SNOOZE: _of_triage(SiteAct.SNOOZE, triage.snooze, SnoozeForm, "snoozed"),
    SiteAct.RESOLVE: _of_triage(SiteAct.RESOLVE, triage.resolve, NoteForm, "resolved"),
    SiteAct.REOPEN: _of_triage(SiteAct.REOPEN, triage.reopen, PlainForm, "reopened"),
    SiteAct.RETRY: Act(
        _retry,
        RetryForm,
        GROUP_ACTS[SiteAct.RETRY],
        "being retried",
        lambda group: bool(failure_groups.failed_now([group.fingerprint])[group.fingerprint]),
        note="The sweep loop carries it out, as a bulk operation.",
        reach=lambda names: sum(failure_groups.failed_now(names).values()),
    ),
}


class TriageAdmin(ReadOnlyAdmin):
    """A list and a page with the acts that are open, each with a page of its own that asks."""

    def get_urls(self) -> list[URLPattern]:
        views = ((name, self.admin_site.admin_view(partial(self._ask_or_act_on_one, act_name=name))) for name in ACTS)
        return [*(path(f"<path:object_id>/{name}/", view, name=f"jobs_failuregroup_{name}") for name, view in views), *super().get_urls()]

    def has_triage_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.change_failuregroup")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms(ACTS[SiteAct.RETRY].shown.permissions)

    def acts_of(self, request: HttpRequest, group: FailureGroup) -> list[dict[str, str]]:
        """What may be said of a group now, by this person."""
        return [
            {"name": name, "icon": act.shown.icon, "url": reverse(f"admin:jobs_failuregroup_{name}", args=[group.pk])}
            for name, act in ACTS.items()
            if request.user.has_perms(act.shown.permissions) and act.is_open(group)
        ]

    def ask_or_act_on_selected(self, request: HttpRequest, act_name: str) -> HttpResponse:
        """An action of the list: first the page that asks, and when that comes back with a reason, the act itself."""
        names = [name for name in dict.fromkeys(request.POST.getlist(ACTION_CHECKBOX_NAME)) if "\0" not in name][:MOST_AT_ONCE]
        asked = "confirmed" in request.POST
        return self._ask_or_act(request, SiteAct(act_name), names, back=request.get_full_path(), answered=asked)

    def _ask_or_act_on_one(self, request: HttpRequest, object_id: str, *, act_name: SiteAct) -> HttpResponse:
        refuse_without(request, *ACTS[act_name].shown.permissions)
        group = self.noun(request, object_id)
        if group is None:
            return self.nothing_there(request, object_id)
        back = back_to(request, reverse("admin:jobs_failuregroup_change", args=[group.pk]))
        return self._ask_or_act(request, act_name, [group.pk], back=back, answered=request.method == "POST")

    def _ask_or_act(self, request: HttpRequest, act_name: SiteAct, names: Sequence[str], *, back: str, answered: bool) -> HttpResponse:
        act = ACTS[act_name]
        refuse_many(request, act.reach(names))
        form = act.form(request.POST) if answered else act.form()
        if form.is_valid():
            by, said = staff(request), {"reason": form.cleaned_data["reason"], **form.terms()}
            _tell(request, act, [_outcome(act, name, by=by, **said) for name in names])
            return HttpResponseRedirect(back)
        groups = list(FailureGroup.objects.filter(pk__in=names))
        context: dict[str, Any] = {
            "title": f"{act_name.capitalize()} {'this failure group' if len(groups) == 1 else f'{len(groups)} failure groups'}",
            "opts": self.opts,
            "act": act,
            "act_name": act_name,
            "form": form,
            "names": names,
            "sample": groups[:SAMPLE],
            "more": max(0, len(groups) - SAMPLE),
            "checkbox": ACTION_CHECKBOX_NAME,
            "back": back,
        }
        if act_name is SiteAct.RETRY and len(groups) == 1:
            return self._ask_before_retry(request, groups[0], form, context)
        return TemplateResponse(request, "admin/jobs/triage.html", self.admin_site.each_context(request) | context)

    def _ask_before_retry(self, request: HttpRequest, group: FailureGroup, form: Form, context: dict[str, Any]) -> HttpResponse:
        """The page that says what the retry of a group would come to: how many, which, their sums, some of them, how, and why."""
        retry = bulk.ACTIONS[SiteAct.RETRY]
        preview = bulk.preview_of(retry, bulk.failed_alike(group), by=ActorKind.USER)
        told = {
            "title": f"Retry {in_number(preview['count'])}" if preview["count"] else "Retry: nothing to do",
            "group": group,
            "preview": preview,
            "shares": shares_of(preview["byStatus"], retry),
            "is_capped": preview["count"] == bulk.MOST,
            "go": _go(preview["count"], form["canaries"].value()),
        }
        return TemplateResponse(request, "admin/jobs/retry_group.html", self.admin_site.each_context(request) | context | told)


def _go(count: int, canaries: object) -> str:
    """What the button says: what happens first, and what then. (static/js/retry.js says it anew when the number changes.)"""
    first = int(str(canaries)) if str(canaries).isdecimal() else bulk.CANARIES
    return f"Retry {min(first, count):,} now, then {count - first:,}" if count > first else f"Retry {in_number(count)}"


def _outcome(act: Act, fingerprint: str, **said: Any) -> str:
    try:
        return act.past if act.make(fingerprint, **said) else "so already"
    except bulk.UnderWay:
        return "left out: being retried already"
    except bulk.NothingToRetry:
        return "left out: no job of it stands failed"
    except TriageRefused as refused:
        return f"left out: {refused.group.state}"
    except NoSuchGroup:
        return "left out: no such group"


def _tell(request: HttpRequest, act: Act, outcomes: Sequence[str]) -> None:
    counts = {words: outcomes.count(words) for words in dict.fromkeys(outcomes)}
    level = messages.SUCCESS if set(counts) == {act.past} else messages.WARNING
    messages.add_message(request, level, ", ".join(f"{count} {words}" for words, count in counts.items()) + ".")
