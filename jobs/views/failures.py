"""Failures, grouped by what they have in common: what is new, what goes on, whose it is."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.http import QueryDict

from jobs.failures import Category
from jobs.group_filters import NOBODY, GroupsShownFilterSet
from jobs.models import FailureCount, FailureGroup, TriageState
from jobs.paging import Column, Paging, moment, text, whole
from jobs.times import now
from jobs.triage import OPEN
from jobs.views.group_acts import retry_offer
from jobs.views.groups import DAY, WEEK, Course, Figures, capped, figures_of
from jobs.views.lists import address, listed
from jobs.views.offers import Offer
from jobs.views.page import Page
from jobs.views.sorting import PARAMETER, heads

PERIODS = {"1h": "1 h", "24h": "24 h", "7d": "7 d", "30d": "30 d"}
_OF_A_WEEK = {"7d", "30d"}
_NEW_WITHIN = "24h"
_PAGING = Paging(
    {
        "last": Column("last_seen_at", moment),
        "first": Column("first_seen_at", moment),
        "failures": Column("failures", whole(0, 2**63 - 1)),
    },
    tie=Column("fingerprint", text),
)
_ORDERS = {"last": "last seen", "first": "first seen", "failures": "failures"}
# Of the groups seen last, which are counted by state; more are "10,000+".
_MOST_COUNTED = 10_000
# Orchestrators that a row names.
_MOST_NAMED = 2


@dataclass(frozen=True)
class Tab:
    words: str
    url: str
    count: str
    is_here: bool


@dataclass(frozen=True)
class Chip:
    """A filter that is set; without it the list is at `url`."""

    name: str
    words: str
    url: str


@dataclass(frozen=True)
class Line:
    """A group in the list."""

    group: FailureGroup
    figures: Figures
    retry: Offer

    @property
    def ran_on(self) -> list[str]:
        """The orchestrators that there is room for by name."""
        named = list(self.figures.ran_on)
        return named if len(named) <= _MOST_NAMED else named[: _MOST_NAMED - 1]

    @property
    def others(self) -> int:
        return len(self.figures.ran_on) - len(self.ran_on)


class FailuresPage(Page):
    shell = "pages/failures.html"
    live = "pages/_failures.html"
    permission = "jobs.view_failuregroup"

    def shell_context(self) -> dict[str, Any]:
        asked = self.request.GET
        periods = [("any", address(self.request, seen=None, cursor=None), not asked.get("seen"))]
        periods += [(words, address(self.request, seen=span, cursor=None), asked.get("seen") == span) for span, words in PERIODS.items()]
        return {
            "title": "Failures",
            "chosen": asked,
            "periods": [*periods[1:], periods[0]],
            "categories": [*Category],
            "chips": self._chips(asked),
            "nobody": NOBODY,
            "kept": [(name, asked[name]) for name in ("state", "new", "seen", PARAMETER) if asked.get(name)],
        }

    def live_context(self) -> dict[str, Any]:
        asked, ordering = self.request.GET, self.request.GET.get(PARAMETER, "-last")
        every = FailureGroup.objects.all()
        chosen = GroupsShownFilterSet(asked, queryset=every).chosen()
        if not asked.get("state") and not asked.get("new"):
            chosen = chosen.filter(state__in=sorted(OPEN))
        order = f"{_ORDERS.get(ordering.removeprefix('-'), '')}, the {'most' if ordering == '-failures' else 'latest'} first"
        groups, pager = listed(
            self.request,
            chosen.defer("example_error", "note"),
            _PAGING,
            ordering=ordering,
            words=f"By {order}" if ordering.startswith("-") else f"By {_ORDERS.get(ordering, '')}",
            ends=("Back", "More"),
        )
        course = WEEK if asked.get("seen") in _OF_A_WEEK else DAY
        return {
            "lines": self._lines(groups, course),
            "pager": pager,
            "tabs": self._tabs(_without(asked, every)),
            "heads": heads(self.request, _PAGING, ordering),
            "course": course,
            "failed": _failures_in(course),
            "is_narrowed": bool(self._chips(asked)),
            "clear": self.request.path,
        }

    def _lines(self, groups: list[FailureGroup], course: Course) -> list[Line]:
        figures = figures_of([group.fingerprint for group in groups], course)
        told = ((group, figures[group.fingerprint]) for group in groups)
        return [Line(group, known, retry_offer(self.request.user, group, known)) for group, known in told]

    def _tabs(self, groups: "QuerySet[FailureGroup]") -> list[Tab]:
        """By state, with what there is under the other filters."""
        by_state = {state.value: Count("pk", filter=Q(state=state)) for state in TriageState}
        lately = Count("pk", filter=Q(first_seen_at__gte=now() - timedelta(days=1)))
        counts = groups.order_by("-last_seen_at")[:_MOST_COUNTED].aggregate(since_yesterday=lately, **by_state)
        asked = self.request.GET
        state, new = asked.get("state", ""), asked.get("new", "")

        def tab(words: str, count: int, is_here: bool, **where: str) -> Tab:
            url = address(self.request, **{"state": None, "new": None, "cursor": None, **where})
            return Tab(words, url, capped(count, _MOST_COUNTED), is_here)

        return [
            tab("Open", sum(counts[one] for one in OPEN), not state and not new),
            *(tab(str(one.label), counts[one], state == one and not new, state=one) for one in _IN_ORDER),
            tab("New since yesterday", counts["since_yesterday"], new == _NEW_WITHIN, new=_NEW_WITHIN),
        ]

    def _chips(self, asked: QueryDict) -> list[Chip]:
        return [
            Chip(words, told, address(self.request, **{name: None, "cursor": None}))
            for name, words in (("q", "title"), ("type", "type"), ("category", "category"), ("owner", "owner"), ("seen", "seen within"))
            if (told := asked.get(name))
        ]


_IN_ORDER = (TriageState.NEW, TriageState.REGRESSED, TriageState.ACKNOWLEDGED, TriageState.SNOOZED, TriageState.RESOLVED)


def _without(asked: QueryDict, groups: "QuerySet[FailureGroup]") -> "QuerySet[FailureGroup]":
    """What passes but for the tab that is open."""
    others = asked.copy()
    for name in ("state", "new"):
        others.pop(name, None)
    return GroupsShownFilterSet(others, queryset=groups).chosen()


def _failures_in(course: Course) -> int:
    """Failures of all groups in the hours of a course."""
    since = now() - course.step * course.steps
    return FailureCount.objects.filter(hour__gte=since).aggregate(told=Sum("failures"))["told"] or 0
