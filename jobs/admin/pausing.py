"""Staff stop an orchestrator's claims, let them go on, and take back what it claimed: asked for a reason first, as for jobs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs import fleet, pausing
from jobs.actors import Actor
from jobs.admin.acting import ReasonForm, staff
from jobs.admin.readonly import ReadOnlyAdmin, refuse_without
from jobs.lifecycle import Status
from jobs.models import Job, Orchestrator, Pause, PauseMode
from jobs.pausing import Subject
from jobs.returning import back_to
from jobs.templatetags.jobs import ago

_BADGES = {PauseMode.DRAINED: "s-warn", PauseMode.DISABLED: "s-failed"}


@dataclass(frozen=True)
class Standing:
    """Where an orchestrator is.

    Attributes:
        pause: of its claims; None when it claims as usual.
        claimed: how many jobs it has claimed and not started.
    """

    pause: Pause | None
    claimed: int

    @property
    def mode(self) -> PauseMode | None:
        return PauseMode(self.pause.mode) if self.pause else None


@dataclass(frozen=True)
class Act:
    """
    Attributes:
        make: called with the orchestrator's id, by= and reason=.
        is_open: whether it would change anything.
        consequence: of it, for who is about to say it.
        done: what is told afterwards.
    """

    make: Callable[..., object]
    is_open: Callable[[Standing], bool]
    icon: str
    consequence: str
    done: str


def _resume(orchestrator_id: str, *, by: Actor, reason: str) -> bool:
    return pausing.resume(by=by, reason=reason, subject=Subject.orchestrator(orchestrator_id))


ACTS = {
    "drain": Act(
        pausing.drain,
        lambda standing: standing.mode != PauseMode.DRAINED,
        "pause",
        "It gets no more jobs and ends those it holds; its reports are taken as usual. For a restart, or to move it.",
        "gets no more jobs until it is resumed",
    ),
    "disable": Act(
        pausing.disable,
        lambda standing: standing.mode != PauseMode.DISABLED,
        "stop",
        "It gets no more jobs, and is told that it is not meant to come back. What it reports of jobs it holds is still taken.",
        "is disabled",
    ),
    "resume": Act(
        _resume, lambda standing: standing.mode is not None, "right", "It gets jobs again with its next claim.", "gets jobs again"
    ),
    "take-back": Act(
        fleet.take_back,
        lambda standing: standing.claimed > 0,
        "release",
        "What it has claimed and not started goes back to the queue, no attempt counted; what it runs is left alone. Drain or disable it "
        "first, else it may claim the same jobs again.",
        "has no job any more that it had not started",
    ),
}


class PausableAdmin(ReadOnlyAdmin):
    """A page with the acts that are open, each with a page of its own that asks."""

    page_template = "admin/jobs/acts.html"

    def get_urls(self) -> list[URLPattern]:
        views = ((name, self.admin_site.admin_view(partial(self._ask_or_act, act_name=name))) for name in ACTS)
        return [*(path(f"<path:object_id>/{name}/", view, name=f"jobs_orchestrator_{name}") for name, view in views), *super().get_urls()]

    def has_pause_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.change_orchestrator")

    def pausing_of(self, request: HttpRequest, orchestrator: Orchestrator) -> dict[str, object]:
        """What the orchestrator's page shows of it: the state, and what may be done."""
        claimed = Job.objects.held_by(orchestrator.id).filter(status=Status.CLAIMED).count()
        standing = Standing(pausing.pause_of(orchestrator.id), claimed)
        acts = [
            {"name": _said(name), "icon": act.icon, "url": _url(name, orchestrator.id)}
            for name, act in ACTS.items()
            if act.is_open(standing) and self.has_pause_permission(request)
        ]
        return {"acts": acts, "claims": _told(standing.pause)}

    def _ask_or_act(self, request: HttpRequest, object_id: str, *, act_name: str) -> HttpResponse:
        refuse_without(request, "jobs.change_orchestrator")
        orchestrator = self.noun(request, object_id)
        if orchestrator is None:
            return self.nothing_there(request, object_id)
        act = ACTS[act_name]
        form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
        if form.is_valid():
            act.make(orchestrator.id, by=staff(request), reason=form.cleaned_data["reason"])
            messages.success(request, f"{orchestrator.id} {act.done}.")
            return HttpResponseRedirect(back_to(request, _url("change", orchestrator.id)))
        context: dict[str, Any] = {
            "title": f"{_said(act_name)} {orchestrator.id}",
            "opts": self.opts,
            "act": act,
            "act_name": act_name,
            "form": form,
            "holds": Job.objects.held_by(orchestrator.id).count(),
            "back": back_to(request, _url("change", orchestrator.id)),
        }
        return TemplateResponse(request, "admin/jobs/pause_orchestrator.html", self.admin_site.each_context(request) | context)


def _said(act_name: str) -> str:
    return act_name.capitalize().replace("-", " ")


def _told(pause: Pause | None) -> str | SafeString:
    if pause is None:
        return "as usual"
    badge = format_html('<span class="badge {}">{}</span>', _BADGES[PauseMode(pause.mode)], PauseMode(pause.mode).label)
    return format_html('{} {} by {} <span class="q">{}</span>', badge, ago(pause.at), pause.paused_by, pause.reason)


def _url(name: str, orchestrator_id: str) -> str:
    return reverse(f"admin:jobs_orchestrator_{name}", args=[quote(orchestrator_id)])
