"""Bulk operations: the list, the page of one with what became of each job, and the acts that are open: confirm, pause, resume, stop."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs import bulk
from jobs.admin.acting import ReasonForm, staff
from jobs.admin.filters import StateFilter
from jobs.admin.readonly import ReadOnlyAdmin
from jobs.admin.selecting import refuse_many
from jobs.models import PENDING, BulkItem, BulkOperation, BulkState
from jobs.records import SiteAct
from jobs.returning import back_to
from jobs.templatetags.jobs import NONE, ago, thousands

MOST_ITEMS = 200
_BADGES = {
    BulkState.PREVIEW: "s-queued",
    BulkState.RUNNING: "s-running",
    BulkState.PAUSED: "s-warn",
    BulkState.STOPPED: "s-cancelled",
    BulkState.DONE: "s-completed",
}


@dataclass(frozen=True)
class Conduct:
    """
    Attributes:
        act: called with the operation's id, by= and reason=.
        states: in which it is offered.
        consequence: of it, for who is about to say it.
        begins: jobs are acted on in the name of who says it, who then needs what beginning it anew would need.
    """

    act: Callable[..., BulkOperation]
    states: frozenset[BulkState]
    icon: str
    consequence: str
    begins: bool = False

    def needs(self, operation: BulkOperation) -> list[str]:
        """The permissions of who says it."""
        acted_on = "change_failuregroup" if operation.action == SiteAct.ACKNOWLEDGE else "change_job"
        names = ["change_bulkoperation", *(["add_bulkoperation", acted_on] if self.begins else [])]
        return [f"jobs.{name}" for name in names]


CONDUCT = {
    "confirm": Conduct(
        bulk.confirm, frozenset({BulkState.PREVIEW}), "right", "Which jobs it is about is settled, and it begins.", begins=True
    ),
    "pause": Conduct(bulk.pause, frozenset({BulkState.RUNNING}), "pause", "No further batch begins until it is resumed."),
    "resume": Conduct(bulk.resume, frozenset({BulkState.PAUSED}), "right", "It goes on with what is left."),
    "stop": Conduct(
        bulk.stop,
        frozenset({BulkState.PREVIEW, BulkState.RUNNING, BulkState.PAUSED}),
        "stop",
        "It ends for good; what is left stays as it is.",
    ),
}


@admin.register(BulkOperation)
class BulkOperationAdmin(ReadOnlyAdmin):
    page_template = "admin/jobs/bulk_operation.html"
    list_display = ["operation", "state_badge", "which", "progress", "by", "created"]
    list_filter = [StateFilter]
    sortable_by = ()
    ordering = ["-id"]

    def get_urls(self) -> list[URLPattern]:
        views = ((name, self.admin_site.admin_view(partial(self._ask_or_act, name=name))) for name in CONDUCT)
        return [*(path(f"<path:object_id>/{name}/", view, name=f"jobs_bulkoperation_{name}") for name, view in views), *super().get_urls()]

    def page_of(self, request: HttpRequest, noun: Any) -> dict[str, object]:
        operation: BulkOperation = noun
        acts = [
            {"name": name, "icon": conduct.icon, "url": _url(name, operation)}
            for name, conduct in CONDUCT.items()
            if operation.state in conduct.states and request.user.has_perms(conduct.needs(operation))
        ]
        return {
            "title": f"{operation.action.capitalize()} {thousands(_size(operation))} jobs",
            "acts": acts,
            "facts": [
                ("State", self.state_badge(operation)),
                ("Jobs", operation.selection),
                *((name.capitalize(), value) for name, value in operation.arguments.items()),
                ("Shown", f"{thousands(operation.preview['count'])}, of which {thousands(operation.preview['wouldChange'])} would change"),
                ("Selected", NONE if operation.selected is None else thousands(operation.selected)),
                ("Reason", operation.reason or NONE),
                ("Created", format_html("{} by {}", ago(operation.created_at), operation.created_by)),
                (
                    "Confirmed",
                    format_html("{} by {}", ago(operation.confirmed_at), operation.confirmed_by) if operation.confirmed_at else NONE,
                ),
                ("Ended", ago(operation.ended_at)),
                ("Id", format_html('<span class="id">{}</span>', operation.id)),
            ],
            **_items(request, operation),
        }

    @admin.display(description="Operation")
    def operation(self, operation: BulkOperation) -> SafeString:
        return format_html(
            '<a class="plain" href="{}">{} {} jobs</a>',
            _url("change", operation),
            operation.action.capitalize(),
            thousands(_size(operation)),
        )

    @admin.display(description="State")
    def state_badge(self, operation: BulkOperation) -> SafeString:
        state = BulkState(operation.state)
        return format_html('<span class="badge {}">{}</span>', _BADGES[state], state.label)

    @admin.display(description="Jobs")
    def which(self, operation: BulkOperation) -> SafeString:
        return format_html('<span class="preview" title="{}">{}</span>', operation.selection, operation.selection)

    @admin.display(description="Outcome")
    def progress(self, operation: BulkOperation) -> str:
        return ", ".join(f"{thousands(count)} {name}" for name, count in operation.outcomes.items() if count) or NONE

    @admin.display(description="By")
    def by(self, operation: BulkOperation) -> str:
        return operation.confirmed_by or operation.created_by

    @admin.display(description="Created")
    def created(self, operation: BulkOperation) -> SafeString:
        return ago(operation.created_at)

    def _ask_or_act(self, request: HttpRequest, object_id: str, *, name: str) -> HttpResponse:
        # Whoever may steer none learns of none.
        if not request.user.has_perm("jobs.change_bulkoperation"):
            raise PermissionDenied
        operation = self.noun(request, object_id)
        if operation is None:
            return self.nothing_there(request, object_id)
        conduct = CONDUCT[name]
        if not request.user.has_perms(conduct.needs(operation)):
            raise PermissionDenied
        if conduct.begins:
            refuse_many(request, _size(operation))
        form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
        if form.is_valid():
            try:
                with transaction.atomic():
                    done = conduct.act(operation.id, by=staff(request), reason=form.cleaned_data["reason"])
                    if conduct.begins:
                        refuse_many(request, done.selected or 0)
            except (bulk.NotNow, bulk.TooManyJobs) as refusal:
                messages.error(request, str(refusal))
            else:
                messages.success(request, f"The operation is {BulkState(done.state).label.lower()}.")
            return HttpResponseRedirect(back_to(request, _url("change", operation)))
        context: dict[str, Any] = {
            "title": f"{name.capitalize()}: {operation.action} {thousands(_size(operation))} jobs",
            "opts": self.opts,
            "act": conduct,
            "act_name": name,
            "form": form,
            "operation": operation,
            "back": back_to(request, _url("change", operation)),
        }
        return TemplateResponse(request, "admin/jobs/conduct_bulk.html", self.admin_site.each_context(request) | context)


def _items(request: HttpRequest, operation: BulkOperation) -> dict[str, object]:
    """Its jobs, those of one outcome if the address asks for it, a page at a time."""
    counts = operation.outcomes
    chosen, after = request.GET.get("outcome", ""), request.GET.get("after", "")
    found = BulkItem.objects.filter(operation_id=operation.id)
    if chosen in counts:
        found = found.filter(outcome=None if chosen == PENDING else chosen)
    if after.isascii() and after.isdigit() and len(after) < 10:
        found = found.filter(ordinal__gt=int(after))
    items = list(found.order_by("ordinal")[: MOST_ITEMS + 1])
    return {
        "outcomes": [{"name": name, "count": count, "chosen": name == chosen} for name, count in counts.items()],
        "chosen": chosen if chosen in counts else "",
        "items": items[:MOST_ITEMS],
        "next": items[MOST_ITEMS - 1].ordinal if len(items) > MOST_ITEMS else None,
    }


def _size(operation: BulkOperation) -> int:
    """How many jobs are in it, or, before that is settled, would have been when it was made."""
    return int(operation.preview["count"]) if operation.selected is None else operation.selected


def _url(name: str, operation: BulkOperation) -> str:
    return reverse(f"admin:jobs_bulkoperation_{name}", args=[operation.id])
