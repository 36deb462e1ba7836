"""The filters of the lists: few, none of them looking for its choices in a big table.

Status, attention, times and the jobs an orchestrator holds now are on indexes. Type, category, an orchestrator's ended jobs, and the audit
log's action and actor have none, for every job and entry would pay for it: PostgreSQL reads along the order of the list until the page is
full, and to the end of the table when the value is rare or absent. Another filter beside it, such as a time, keeps that short.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from jobs.failures import Category
from jobs.lifecycle import Act, ActorKind, Status, Verb
from jobs.models import BulkState, Job, Lane, Orchestrator, TriageState
from jobs.records import SiteAct

# More can't be read in a drop-down.
_MOST_CHOICES = 200
PERIODS = {"1h": ("Last hour", timedelta(hours=1)), "24h": ("Last 24 hours", timedelta(days=1)),
           "7d": ("Last 7 days", timedelta(days=7)), "30d": ("Last 30 days", timedelta(days=30))}  # fmt: skip


class OneOf(admin.SimpleListFilter):
    """A column with one of its known values; a value that is none of them finds nothing.

    Attributes:
        open_ended: there may be more values than are offered.
    """

    column = ""
    open_ended = False

    def has_output(self) -> bool:
        # Django leaves a filter without choices out, and with it what was asked for: everything would be shown instead of nothing.
        return bool(self.lookup_choices) or self.value() is not None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None:
            return queryset
        known = self._is_offered(chosen) or (self.open_ended and "\0" not in chosen)
        return self.narrowed(queryset, chosen) if known else queryset.none()

    def choices(self, changelist: Any) -> Iterator[Any]:
        yield from super().choices(changelist)
        chosen = self.value()
        if chosen is not None and not self._is_offered(chosen):
            yield {"selected": True, "query_string": changelist.get_query_string(), "display": chosen}

    def narrowed(self, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        return queryset.filter(**{self.column: chosen})

    def _is_offered(self, chosen: str) -> bool:
        return any(chosen == str(value) for value, _ in self.lookup_choices)


class StatusFilter(OneOf):
    title = parameter_name = column = "status"
    template = "admin/jobs/filter_tabs.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(status.value, status.label) for status in Status]


class TypeFilter(OneOf):
    title = parameter_name = column = "type"
    open_ended = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(name, name) for name in Lane.objects.order_by("type").values_list("type", flat=True)[:_MOST_CHOICES]]


class OrchestratorFilter(OneOf):
    title = "held by"
    parameter_name = "orchestrator"
    column = "orchestrator_id"
    open_ended = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(name, name) for name in Orchestrator.objects.order_by("id").values_list("id", flat=True)[:_MOST_CHOICES]]


class CategoryFilter(OneOf):
    title = parameter_name = "category"
    column = "error_category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(category.value, category.replace("_", " ").capitalize()) for category in Category]


class FingerprintFilter(OneOf):
    """Not offered: a group's page leads here."""

    title = "failure group"
    parameter_name = column = "fingerprint"
    open_ended = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return []


class TriageStateFilter(OneOf):
    title = parameter_name = column = "state"
    template = "admin/jobs/filter_tabs.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(state.value, str(state.label)) for state in TriageState]


class FirstSeenFilter(OneOf):
    """What is new since yesterday, and the like."""

    title = "new in"
    parameter_name = "new"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(key, words) for key, (words, _) in PERIODS.items()]

    def narrowed(self, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        return queryset.filter(first_seen_at__gte=timezone.now() - PERIODS[chosen][1])


class AttentionFilter(OneOf):
    title = parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("stuck", "Stuck"), ("cancelling", "Cancelling")]

    def narrowed(self, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        if chosen == "stuck":
            return queryset.filter(id__in=Job.objects.stuck().values("id"))
        return queryset.filter(status__in=[status for status in Status if status.is_live], cancel_requested_at__isnull=False)


class CreatedFilter(OneOf):
    title = parameter_name = "created"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(key, words) for key, (words, _) in PERIODS.items()]

    def narrowed(self, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        since = timezone.now() - PERIODS[chosen][1]
        # No job was changed before it was created; said twice, because the index is on the time of the change.
        return queryset.filter(created_at__gte=since, updated_at__gte=since)


class StateFilter(OneOf):
    title = parameter_name = column = "state"
    template = "admin/jobs/filter_tabs.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return BulkState.choices


class ActionFilter(OneOf):
    title = parameter_name = column = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(word, word.replace("_", " ").capitalize()) for word in dict.fromkeys((*Verb, *Act, *SiteAct))]


class ActorKindFilter(OneOf):
    title = "by"
    parameter_name = column = "actor_kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(kind.value, kind.capitalize()) for kind in ActorKind]


class AtFilter(OneOf):
    title = "time"
    parameter_name = "at"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(key, words) for key, (words, _) in PERIODS.items()]

    def narrowed(self, queryset: QuerySet[Any], chosen: str) -> QuerySet[Any]:
        return queryset.filter(at__gte=timezone.now() - PERIODS[chosen][1])
