"""Bulk operations: the list, the page of one with what became of each job, and the acts that are open: confirm, pause, resume, stop."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
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
from jobs.admin.readonly import ReadOnlyAdmin, refuse_without
from jobs.admin.selecting import refuse_many
from jobs.models import PENDING, BulkItem, BulkOperation, BulkState
from jobs.returning import back_to
from jobs.templatetags.failures import bulk_tag
from jobs.templatetags.jobs import NONE, ago, thousands
from jobs.views.conduct import CONDUCT, offers_of, size_of
from jobs.views.offers import open_acts

MOST_ITEMS = 200


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
        return {
            "title": f"{operation.action.capitalize()} {thousands(size_of(operation))} jobs",
            "acts": open_acts(offers_of(request.user, operation)),
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
            thousands(size_of(operation)),
        )

    @admin.display(description="State")
    def state_badge(self, operation: BulkOperation) -> SafeString:
        return bulk_tag(operation)

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
        refuse_without(request, "jobs.change_bulkoperation")
        operation = self.noun(request, object_id)
        if operation is None:
            return self.nothing_there(request, object_id)
        conduct = CONDUCT[name]
        refuse_without(request, *conduct.needs(operation))
        if conduct.begins:
            refuse_many(request, size_of(operation))
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
            "title": f"{name.capitalize()}: {operation.action} {thousands(size_of(operation))} jobs",
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


def _url(name: str, operation: BulkOperation) -> str:
    return reverse(f"admin:jobs_bulkoperation_{name}", args=[operation.id])
