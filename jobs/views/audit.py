"""The audit log: every change there ever was, the newest first. Nobody can alter it, so there is nothing to do here but read."""

from typing import Any

from django.http import Http404

from jobs.filters import REQUESTS_SEARCHED, AuditFilterSet
from jobs.lifecycle import Act, ActorKind, Verb
from jobs.masking import shown
from jobs.models import AuditEntry
from jobs.paging import Column, Paging, whole
from jobs.records import SiteAct
from jobs.roles import VIEW_PAYLOAD
from jobs.views.lists import address, listed
from jobs.views.page import Page

PERIODS = {"1h": "Last hour", "24h": "Last day", "7d": "Last week", "30d": "Last 30 days"}
_MOST_ID = 2**63 - 1
_PAGING = Paging({"id": (by_id := Column("id", whole(1, _MOST_ID)))}, tie=by_id)
# Of each filter, what a chip calls it.
_CHIPS = {"q": "Of", "action": "Action", "by": "By", "actor": "Who", "within": "When"}


class AuditPage(Page):
    shell = "pages/audit.html"
    live = "pages/_audit.html"
    permission = "jobs.view_auditentry"

    def shell_context(self) -> dict[str, Any]:
        chips = [
            {"name": words, "value": PERIODS.get(value, value), "without": address(self.request, **{name: None, "cursor": None})}
            for name, words in _CHIPS.items()
            if (value := self.request.GET.get(name, ""))
        ]
        choices = {"actions": dict.fromkeys([*Verb, *Act, *SiteAct]), "kinds": [*ActorKind], "periods": PERIODS}
        return {"title": "Audit", "chosen": self.request.GET, "chips": chips, **choices}

    def live_context(self) -> dict[str, Any]:
        filters = AuditFilterSet(self.request.GET, queryset=AuditEntry.objects.defer("digest", "detail"))
        rows, pager = listed(self.request, filters.chosen(), _PAGING, ordering="-id", words="Every change, the newest first")
        bounded = f"the last {REQUESTS_SEARCHED.days} days" if filters.is_bounded else ""
        return {"entries": rows, "pager": pager, "bounded": bounded, "filtered": any(self.request.GET.get(name) for name in _CHIPS)}


class AuditEntryPage(Page):
    """One entry, whole. It never changes, so it is not asked for again."""

    shell = "pages/audit_entry.html"
    live = "pages/_audit_entry.html"
    permission = "jobs.view_auditentry"
    seconds = 0

    def shell_context(self) -> dict[str, Any]:
        return {"title": f"Audit entry {self.kwargs['entry_id']}"}

    def live_context(self) -> dict[str, Any]:
        entry_id = self.kwargs["entry_id"]
        entry = AuditEntry.objects.defer("digest").filter(pk=entry_id).first() if entry_id <= _MOST_ID else None
        if entry is None:
            raise Http404("There is no such entry in the audit log.")
        # It may tell results and metadata, which are for those who may read them on the job's own page.
        may_read = self.request.user.has_perm(VIEW_PAYLOAD)
        detail = shown(entry.detail) if may_read and entry.detail is not None else None
        return {"entry": entry, "detail": detail, "hides_detail": entry.detail is not None and not may_read}
