"""Which jobs: one set of filters for the API, the pages and bulk selections."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet

from jobs import times
from jobs.failures import Category
from jobs.ids import PREFIX
from jobs.lifecycle import Act, ActorKind, Status, Verb
from jobs.models import AuditEntry, FailureGroup, Job, TriageState
from jobs.records import SiteAct

# How far back the entries of a request are looked for, unless it is said.
REQUESTS_SEARCHED = timedelta(days=7)
_LONGEST_SPAN = timedelta(days=36_500)


class _Words(django_filters.fields.BaseCSVField):
    """Words with commas between; none at all, or an empty one, is a slip of whoever asks, not a wish for everything."""

    def clean(self, value: Any) -> Any:
        if value is not None and not (value and all(value)):
            raise forms.ValidationError("is empty, or has an empty word")
        return super().clean(value)


class CommaList(django_filters.BaseInFilter, django_filters.CharFilter):
    """`a,b,c`: any of them."""

    base_field_class = _Words


class CommaChoices(django_filters.BaseInFilter, django_filters.ChoiceFilter):
    """`a,b,c`: any of them, each one of the known words."""

    base_field_class = _Words


class _MomentField(forms.CharField):
    def clean(self, value: Any) -> datetime | None:
        if value is None:
            return None
        try:
            return times.read(value)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


class Moment(django_filters.Filter):
    """A time as it is written everywhere else: RFC 3339 with offset."""

    field_class = _MomentField


class _SpanField(forms.CharField):
    def clean(self, value: Any) -> timedelta | None:
        if not value:
            return None
        try:
            span = times.read_span(value)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        if span > _LONGEST_SPAN:
            raise forms.ValidationError("is longer than 100 years")
        return span


class Within(django_filters.Filter):
    """`24h`: no longer ago than that."""

    field_class = _SpanField

    def filter(self, qs: "QuerySet[Any]", value: timedelta | None) -> "QuerySet[Any]":
        return qs.filter(**{f"{self.field_name}__gte": times.now() - value}) if value else qs


class WrongFilter(ValueError):
    """
    Attributes:
        fields: by the name of the parameter, what is wrong with it.
    """

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(said)}" for name, said in fields.items()))
        self.fields = dict(fields)


class _Strict(django_filters.FilterSet):
    def chosen(self) -> "QuerySet[Any]":
        """What passes.

        Raises:
            WrongFilter: a value does not parse.
        """
        if not self.form.is_valid():
            raise WrongFilter({name: [str(said) for said in errors] for name, errors in self.form.errors.items()})
        found: QuerySet[Any] = self.qs
        return found


class JobFilterSet(_Strict):
    status = CommaChoices(choices=[(status.value, status.label) for status in Status])
    type = CommaList()
    label = CommaList(field_name="labels", lookup_expr="overlap")
    orchestratorId = CommaList(field_name="orchestrator_id")
    category = CommaChoices(field_name="error_category", choices=[(category.value, category.value) for category in Category])
    fingerprint = CommaList()
    createdAfter = Moment(field_name="created_at", lookup_expr="gte")
    createdBefore = Moment(field_name="created_at", lookup_expr="lt")
    updatedAfter = Moment(field_name="updated_at", lookup_expr="gte")

    class Meta:
        model = Job
        fields: list[str] = []


class FailureGroupFilterSet(_Strict):
    state = CommaChoices(choices=TriageState.choices)
    type = CommaList()
    category = CommaChoices(choices=[(category.value, category.value) for category in Category])
    seenAfter = Moment(field_name="last_seen_at", lookup_expr="gte")

    class Meta:
        model = FailureGroup
        fields: list[str] = []


class AuditFilterSet(_Strict):
    q = django_filters.CharFilter(method="found")
    action = CommaChoices(choices=[(word, word) for word in dict.fromkeys((*Verb, *Act, *SiteAct))])
    by = CommaChoices(field_name="actor_kind", choices=[(kind.value, kind.value) for kind in ActorKind])
    actor = django_filters.CharFilter()
    within = Within(field_name="at")

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def found(self, entries: "QuerySet[AuditEntry]", name: str, value: str) -> "QuerySet[AuditEntry]":
        """Of a job, when it is the id of one, else of the request that caused it.

        Requests are on no index, for each entry would pay for it: without a period they are looked for among those of late.
        """
        if value.startswith(PREFIX):
            return entries.filter(job_id=value)
        return entries.filter(request_id=value, **({"at__gte": times.now() - REQUESTS_SEARCHED} if self.is_bounded else {}))

    @property
    def is_bounded(self) -> bool:
        """Whether a request is asked for, and no period said."""
        sought = self.data.get("q", "").strip()
        return bool(sought) and not sought.startswith(PREFIX) and not self.data.get("within")


def narrowed(jobs: "QuerySet[Job]", parameters: Mapping[str, str]) -> "QuerySet[Job]":
    """Those of the jobs that pass a filter which must say something.

    Raises:
        WrongFilter: it says nothing, has a parameter that is none, or a value does not parse.
    """
    if not parameters:
        raise WrongFilter({"filter": [f"needs at least one of {', '.join(JobFilterSet.base_filters)}"]})
    if unknown := sorted(parameters.keys() - JobFilterSet.base_filters.keys()):
        raise WrongFilter({name: ["is not known here"] for name in unknown})
    return JobFilterSet(dict(parameters), queryset=jobs).chosen()


# Of each filter: what its value says of a job.
_SAYS = {
    "status": "status is {}",
    "type": "type is {}",
    "label": "labelled {}",
    "orchestratorId": "held by {}",
    "category": "category is {}",
    "createdAfter": "created at {} or later",
    "createdBefore": "created before {}",
    "updatedAfter": "changed at {} or later",
}


def in_words(parameters: Mapping[str, str]) -> str:
    """A filter as one would say it: `status is failed, type is report or export`."""
    return ", ".join(_SAYS.get(name, f"{name} is {{}}").format(" or ".join(value.split(","))) for name, value in parameters.items())
