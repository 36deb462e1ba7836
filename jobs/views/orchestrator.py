"""One orchestrator: what it is, what it holds, what may be done about it, and who speaks for it."""

from datetime import datetime, timedelta
from typing import Any

from django.http import Http404

from jobs import fleet, roster
from jobs.fleet import COUNTED_TO
from jobs.ids import is_orchestrator_id
from jobs.models import ApiToken, AuditEntry, Job, PauseMode
from jobs.roster import Member
from jobs.views.claim_acts import Standing, orchestrator_offers
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
        standing = Standing(PauseMode(one.pause.mode) if one.pause else None, one.held, one.claimed)
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
            "offers": orchestrator_offers(self.request.user, one.id, standing),
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


def _lately(moment: datetime | None, one: Member) -> bool:
    return moment is not None and one.now - moment < _TOLD_FOR
