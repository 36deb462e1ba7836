"""Which jobs: one set of filters for the API, the pages and bulk selections."""

import django_filters
from django.db.models import QuerySet

from jobs.failures import Category
from jobs.lifecycle import Status
from jobs.models import Job


class CommaList(django_filters.BaseInFilter, django_filters.CharFilter):
    """`a,b,c`: any of them."""


class CommaChoices(django_filters.BaseInFilter, django_filters.ChoiceFilter):
    """`a,b,c`: any of them, each one of the known words."""


class JobFilterSet(django_filters.FilterSet):
    status = CommaChoices(choices=[(status.value, status.label) for status in Status])
    type = CommaList()
    orchestratorId = CommaList(field_name="orchestrator_id")
    category = CommaChoices(field_name="error_category", choices=[(category.value, category.value) for category in Category])
    createdAfter = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    createdBefore = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    updatedAfter = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")

    class Meta:
        model = Job
        fields: list[str] = []

    def chosen(self) -> "QuerySet[Job]":
        """The jobs that pass.

        Raises:
            ValueError: a value does not parse; the form's errors name the fields.
        """
        if not self.form.is_valid():
            raise ValueError("unknown value")
        found: QuerySet[Job] = self.qs
        return found
