"""One orchestrator: what it is, what it holds, what may be done about it, and who speaks for it."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin.utils import quote
from django.http import Http404
from django.urls import reverse

from jobs import fleet, roster
from jobs.fleet import COUNTED_TO
from jobs.ids import is_orchestrator_id
from jobs.models import ApiToken, AuditEntry, Job, PauseMode
from jobs.roster import Member
from jobs.views.offers import Offer
from jobs.views.page import Page

MOST_JOBS = 100
_MOST_TOKENS, _MOST_ACTS = 20, 20
# For how long it is told that two used an id, and that reports came without a lease token.
_TOLD_FOR = timedelta(days=1)


class OrchestratorPage(Page):
    shell = "pages/orchestrator.html"
    live = "pages/_orchestrator.html"
    permission = "jobs.view_orchestrator"

    def shell_context(self) -> dict[str, Any]:
        return {"title": self.kwargs["id"]}

    def live_context(self) -> dict[str, Any]:
        one = self._member()
        may_change = self.request.user.has_perm("jobs.change_orchestrator")
        held = Job.objects.held_by(one.id).defer("payload", "metadata", "result", "last_error").order_by("status", "updated_at", "id")
        acts = AuditEntry.objects.filter(subject_type="orchestrator", subject_id=one.id).order_by("-id")
        return {
            "one": one,
            "is_double": fleet.is_double(one.record),
            "was_double": _lately(one.record.double_at, one),
            "is_unfenced": _lately(one.record.last_unfenced_at, one),
            "most_counted": COUNTED_TO,
            "jobs": held[:MOST_JOBS],
            "now": one.now,
            "offers": _offers(one, may_change=may_change),
            "tokens": self._tokens(one.id),
            "acts": acts[:_MOST_ACTS],
        }

    def _member(self) -> Member:
        asked = self.kwargs["id"]
        one = roster.member(asked) if is_orchestrator_id(asked) else None
        if one is None:
            raise Http404("No orchestrator of this name was ever heard of.")
        return one

    def _tokens(self, orchestrator_id: str) -> list[ApiToken] | None:
        """Those that speak for it, the living first; None for who may not look at tokens."""
        if not self.request.user.has_perm("jobs.view_apitoken"):
            return None
        found = ApiToken.objects.filter(orchestrator_id=orchestrator_id).order_by("-created_at", "public_id")[:_MOST_TOKENS]
        return sorted(found, key=lambda token: token.state != "live")


def _offers(one: Member, *, may_change: bool) -> list[Offer]:
    forbidden = "" if may_change else "You may not change orchestrators."
    mode = one.pause and one.pause.mode
    said = (
        ("drain", "Drain", "pause", "It gets no more jobs and ends those it holds.", mode == PauseMode.DRAINED, "It is drained."),
        ("disable", "Disable", "stop", "It gets no jobs and is not meant to come back.", mode == PauseMode.DISABLED, "It is disabled."),
        ("resume", "Resume", "right", "It gets jobs again with its next claim.", mode is None, "It gets jobs already."),
        (
            "take-back",
            f"Take back {one.claimed or ''}".rstrip(),
            "release",
            "What it has claimed and not started goes back to the queue.",
            one.claimed == 0,
            "It has started all that it holds." if one.held else "It holds nothing.",
        ),
    )
    return [
        Offer(
            name=name,
            words=words,
            icon=icon,
            url=reverse(f"admin:jobs_orchestrator_{name}", args=[quote(one.id)]),
            effect=effect,
            obstacle=forbidden or (why_not if is_so else ""),
        )
        for name, words, icon, effect, is_so, why_not in said
    ]


def _lately(moment: datetime | None, one: Member) -> bool:
    return moment is not None and one.now - moment < _TOLD_FOR
