"""The audit log: every change there ever was, the newest first. Nobody can alter it, so there is nothing to do here but read."""

from typing import Any

from jobs.filters import AuditFilterSet
from jobs.lifecycle import Act, ActorKind, Verb
from jobs.models import AuditEntry
from jobs.paging import Column, Paging, whole
from jobs.records import SiteAct
from jobs.views.lists import listed
from jobs.views.page import Page

PERIODS = {"1h": "Last hour", "24h": "Last day", "7d": "Last week", "30d": "Last 30 days"}
_PAGING = Paging({"id": (by_id := Column("id", whole(1, 2**63 - 1)))}, tie=by_id)


class AuditPage(Page):
    shell = "pages/audit.html"
    live = "pages/_audit.html"
    permission = "jobs.view_auditentry"

    def shell_context(self) -> dict[str, Any]:
        return {"title": "Audit", "chosen": self.request.GET, "actions": [*Verb, *Act, *SiteAct], "kinds": [*ActorKind], "periods": PERIODS}

    def live_context(self) -> dict[str, Any]:
        entries = AuditFilterSet(self.request.GET, queryset=AuditEntry.objects.defer("digest")).chosen()
        rows, pager = listed(self.request, entries, _PAGING, ordering="-id", words="Every change, the newest first")
        return {"entries": rows, "pager": pager, "clear": self.request.path if self.request.GET else ""}
