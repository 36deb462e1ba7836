"""Operations on many jobs: the list, and one of them with what became of each of its jobs."""

from functools import cached_property
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.http import Http404

from jobs.filters import WrongFilter
from jobs.models import PENDING, AuditEntry, BulkItem, BulkOperation, BulkState, CanaryRetry, CanaryState, ItemOutcome
from jobs.paging import Column, Paging, text, whole
from jobs.templatetags.failures import BULK_WORDS
from jobs.views.conduct import offers_of, size_of
from jobs.views.groups import capped
from jobs.views.lists import address, listed
from jobs.views.page import Page

_LIVE = frozenset({BulkState.RUNNING, BulkState.PAUSED})
_SECONDS_WHILE_RUNNING = 2
_OPERATIONS = Paging({"id": (by_id := Column("id", text))}, tie=by_id)
_ITEMS = Paging({"ordinal": (by_ordinal := Column("ordinal", whole(0, 2**31 - 1)))}, tie=by_ordinal)
# Of the newest operations, which are counted by state; more are "10,000+".
_MOST_COUNTED = 10_000
_MOST_ENTRIES = 20
_MOST_KINDS = 12
_IN_ORDER = (BulkState.RUNNING, BulkState.PAUSED, BulkState.PREVIEW, BulkState.STOPPED, BulkState.DONE)


class BulkOperationsPage(Page):
    shell = "pages/bulk.html"
    live = "pages/_bulk.html"
    permission = "jobs.view_bulkoperation"

    def shell_context(self) -> dict[str, Any]:
        return {"title": "Bulk operations"}

    def live_context(self) -> dict[str, Any]:
        state = self.request.GET.get("state", "")
        if state and state not in BulkState.values:
            raise WrongFilter({"state": [f"must be one of {', '.join(BulkState.values)}"]})
        every = BulkOperation.objects.all()
        operations, pager = listed(
            self.request,
            _with_stage(every.filter(state=state) if state else every),
            _OPERATIONS,
            ordering="-id",
            words="The newest first",
        )
        if any(operation.state == BulkState.RUNNING for operation in operations):
            self.seconds = _SECONDS_WHILE_RUNNING
        return {
            "lines": [{"operation": operation, "size": size_of(operation)} for operation in operations],
            "pager": pager,
            "tabs": self._tabs(state),
            "state": state,
        }

    def _tabs(self, chosen: str) -> list[dict[str, object]]:
        newest = BulkOperation.objects.order_by("-id")[:_MOST_COUNTED]
        counts = newest.aggregate(**{state.value: Count("pk", filter=Q(state=state)) for state in BulkState})
        tabs = [("All", None, sum(counts.values())), *((BULK_WORDS[state], state.value, counts[state]) for state in _IN_ORDER)]
        return [
            {
                "words": words,
                "url": address(self.request, state=state, cursor=None),
                "count": capped(count, _MOST_COUNTED),
                "is_here": (state or "") == chosen,
            }
            for words, state, count in tabs
        ]


class BulkOperationPage(Page):
    shell = "pages/bulk_operation.html"
    live = "pages/_bulk_operation.html"
    permission = "jobs.view_bulkoperation"

    @cached_property
    def operation(self) -> BulkOperation:
        """
        Raises:
            Http404: there is none.
        """
        identifier = self.kwargs["operation_id"]
        operation = _with_stage(BulkOperation.objects.filter(pk=identifier)).first()
        if operation is None:
            raise Http404(f"There is no bulk operation {identifier}.")
        return operation

    def shell_context(self) -> dict[str, Any]:
        return {"title": _title(self.operation), "operation": self.operation}

    def live_context(self) -> dict[str, Any]:
        operation = self.operation
        if operation.state == BulkState.RUNNING:
            self.seconds = _SECONDS_WHILE_RUNNING
        chosen, counts = self.request.GET.get("outcome", ""), operation.outcomes
        if chosen and chosen not in counts:
            raise WrongFilter({"outcome": [f"must be one of {', '.join(counts)}"]})
        items = BulkItem.objects.filter(operation_id=operation.id)
        if chosen:
            items = items.filter(outcome=None if chosen == PENDING else chosen)
        rows, pager = listed(
            self.request, items, _ITEMS, ordering="ordinal", words="In the order in which they are done", ends=("Back", "More")
        )
        left = "Left" if operation.state in _LIVE or operation.state == BulkState.PREVIEW else "Left as they are"
        words = {**{outcome.value: str(outcome.label) for outcome in ItemOutcome}, PENDING: left}
        return {
            "operation": operation,
            "size": size_of(operation),
            "done": size_of(operation) - operation.pending if operation.selected is not None else 0,
            "offers": offers_of(self.request.user, operation),
            "sums": [(words[name], count) for name, count in counts.items()],
            "tabs": [
                {"words": "All", "url": address(self.request, outcome=None, cursor=None), "count": None, "is_here": not chosen},
                *(
                    {
                        "words": words[name],
                        "url": address(self.request, outcome=name, cursor=None),
                        "count": count,
                        "is_here": name == chosen,
                    }
                    for name, count in counts.items()
                ),
            ],
            "chosen": chosen,
            "items": rows,
            "pager": pager,
            "kinds": _kinds(operation),
            "stage": _stage(operation),
            "entries": AuditEntry.objects.filter(subject_type="bulk_operation", subject_id=operation.id).order_by("-id")[:_MOST_ENTRIES],
        }


def _with_stage(operations: "QuerySet[BulkOperation]") -> "QuerySet[BulkOperation]":
    """Each with how far its canaries have come, as `canary`, where it is the retry of a failure group."""
    columns = ("fingerprint", "canaries", "over_seconds", "state", "words")
    retries = CanaryRetry.objects.filter(operation_id=OuterRef("id"))
    return operations.annotate(canary=Subquery(retries.values(told=JSONObject(**{name: name for name in columns}))))


def _kinds(operation: BulkOperation) -> "QuerySet[BulkItem, Any]":
    """What was done to its jobs, or why not, in words; the most frequent first."""
    told = BulkItem.objects.filter(operation_id=operation.id, outcome__isnull=False).order_by()
    return told.values("outcome", "words").annotate(jobs=Count("ordinal")).order_by("-jobs", "words")[:_MOST_KINDS]


def _stage(operation: BulkOperation) -> str:
    """How far the retry of a group has come, in words; empty for any other operation."""
    canary = operation.canary  # type: ignore[attr-defined]
    if canary is None:
        return ""
    if canary["state"] == CanaryState.HALTED:
        return f"Stopped by a canary. {canary['words']}"
    if canary["state"] == CanaryState.PASSED:
        return "The canaries completed: the rest follows." if operation.state in _LIVE else "The canaries completed."
    if operation.state not in _LIVE:
        return "Ended before its canaries were judged."
    tried = min(operation.changed, canary["canaries"])
    return f"Canaries first: {tried} of {canary['canaries']} retried. The rest waits until they have completed."


def _title(operation: BulkOperation) -> str:
    size = size_of(operation)
    return f"{operation.action.capitalize()} {size:,} job{'' if size == 1 else 's'}"
