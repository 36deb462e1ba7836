"""Which failure groups: what the page asks of them besides what the API does."""

import django_filters
from django.db.models import Q, QuerySet

from jobs.filters import FailureGroupFilterSet, Within
from jobs.models import FailureGroup

# Words of a title that are looked for at most.
_MOST_WORDS = 10
# Instead of a name: of nobody.
NOBODY = "none"


class GroupsShownFilterSet(FailureGroupFilterSet):
    q = django_filters.CharFilter(method="named")
    owner = django_filters.CharFilter(method="owned")
    seen = Within(field_name="last_seen_at")
    new = Within(field_name="first_seen_at")

    def named(self, groups: "QuerySet[FailureGroup]", name: str, value: str) -> "QuerySet[FailureGroup]":
        return found(groups, value)

    def owned(self, groups: "QuerySet[FailureGroup]", name: str, value: str) -> "QuerySet[FailureGroup]":
        return groups.filter(owner__isnull=True) if value == NOBODY else groups.filter(owner__iexact=value)


def found(groups: "QuerySet[FailureGroup]", text: str) -> "QuerySet[FailureGroup]":
    """Those whose title has all of these words, or the one whose fingerprint it is."""
    words = text.split()[:_MOST_WORDS]
    titled = Q()
    for word in words:
        titled &= Q(title__icontains=word)
    return groups.filter(titled | Q(fingerprint=words[0])) if len(words) == 1 else groups.filter(titled)
