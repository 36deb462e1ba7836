"""Staff stop an orchestrator's claims, let them go on, and take back what it claimed: asked for a reason first, as for jobs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.db.models import Count, Q
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
from jobs.views.claim_acts import CHANGE_ORCHESTRATOR, ORCHESTRATOR_ACTS, Standing, orchestrator_offers, words_of
from jobs.views.offers import open_acts

_BADGES = {PauseMode.DRAINED: "s-warn", PauseMode.DISABLED: "s-failed"}


@dataclass(frozen=True)
class Act:
    """
    Attributes:
        make: called with the orchestrator's id, by= and reason=.
        done: what is told afterwards.
    """

    make: Callable[..., object]
    done: str


def _resume(orchestrator_id: str, *, by: Actor, reason: str) -> bool:
    return pausing.resume(by=by, reason=reason, subject=Subject.orchestrator(orchestrator_id))


ACTS = {
    "drain": Act(pausing.drain, "gets no more jobs until it is resumed"),
    "disable": Act(pausing.disable, "is disabled"),
    "resume": Act(_resume, "gets jobs again"),
    "take-back": Act(fleet.take_back, "has no job any more that it had not started"),
}


class PausableAdmin(ReadOnlyAdmin):
    """A page with the acts that are open, each with a page of its own that asks."""

    page_template = "admin/jobs/acts.html"

    def get_urls(self) -> list[URLPattern]:
        views = ((name, self.admin_site.admin_view(partial(self._ask_or_act, act_name=name))) for name in ACTS)
        return [*(path(f"<path:object_id>/{name}/", view, name=f"jobs_orchestrator_{name}") for name, view in views), *super().get_urls()]

    def pausing_of(self, request: HttpRequest, orchestrator: Orchestrator) -> dict[str, object]:
        """What the orchestrator's page shows of it: the state, and what may be done."""
        is_claimed = Q(status=Status.CLAIMED)
        jobs = Job.objects.held_by(orchestrator.id).order_by().aggregate(held=Count("pk"), claimed=Count("pk", filter=is_claimed))
        pause = pausing.pause_of(orchestrator.id)
        standing = Standing(PauseMode(pause.mode) if pause else None, **jobs)
        return {"acts": open_acts(orchestrator_offers(request.user, orchestrator.id, standing)), "claims": _told(pause)}

    def _ask_or_act(self, request: HttpRequest, object_id: str, *, act_name: str) -> HttpResponse:
        refuse_without(request, CHANGE_ORCHESTRATOR)
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
            "title": f"{words_of(act_name)} {orchestrator.id}",
            "opts": self.opts,
            "consequence": ORCHESTRATOR_ACTS[act_name].consequence,
            "act_name": act_name,
            "form": form,
            "holds": Job.objects.held_by(orchestrator.id).count(),
            "back": back_to(request, _url("change", orchestrator.id)),
        }
        return TemplateResponse(request, "admin/jobs/pause_orchestrator.html", self.admin_site.each_context(request) | context)


def _told(pause: Pause | None) -> str | SafeString:
    if pause is None:
        return "as usual"
    badge = format_html('<span class="badge {}">{}</span>', _BADGES[PauseMode(pause.mode)], PauseMode(pause.mode).label)
    return format_html('{} {} by {} <span class="q">{}</span>', badge, ago(pause.at), pause.paused_by, pause.reason)


def _url(name: str, orchestrator_id: str) -> str:
    return reverse(f"admin:jobs_orchestrator_{name}", args=[quote(orchestrator_id)])
