"""Which jobs a search is about: what indexes answer exactly, and what is looked for among the newest of those."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import QueryDict

from jobs.filters import WrongFilter
from jobs.lifecycle import LIVE, TERMINAL, Status
from jobs.models import Job
from jobs.paging import Page, WrongPage, first_of
from jobs.search.filters import JobSearchSet, Several
from jobs.search.orders import KEY, ORDERS, PAGING
from jobs.search.words import in_words

# More are not counted, sorted without an index, or looked through.
MOST_SEARCHED = 10_000
_INDEXED = {
    *("status", "type", "id", "attention", "createdWithin", "createdAfter", "createdBefore"),
    *("updatedWithin", "updatedAfter", "updatedBefore"),
}
# Which have an index where only these statuses are looked at.
_INDEXED_WITHIN = {"fingerprint": {Status.FAILED}, "orchestratorId": LIVE}
# A set of its own is read for each of so many pairs of status and type; of more, an index that knows only the status must do.
_MOST_SETS = 24
# Of an address, what is about the page.
NO_FILTERS = {"q", "ordering", "cursor", "next"}
_NEWEST = ("-updated_at", "-id")


@dataclass(frozen=True)
class Count:
    """
    Attributes:
        number: at most MOST_SEARCHED.
        is_capped: there are more.
    """

    number: int
    is_capped: bool

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.is_capped else ''}"


class Search:
    """Jobs by the parameters of JobSearchSet.

    What no index answers (an exit code, words of an error, a value of the payload …) is looked for among the newest 10,000 of the jobs
    that pass the rest, so that no search reads the whole table.

    Attributes:
        parameters: as they stand in an address.
        ordering: a word of ORDERS, with `-` for descending. Of some orders only jobs that have a value are part of the search.
    """

    def __init__(self, parameters: QueryDict, *, ordering: str = "-updated", may_see_payloads: bool) -> None:
        """
        Raises:
            WrongFilter: a parameter is not known, or a value does not parse.
            WrongPage: the ordering is none.
            PermissionDenied: a payload is asked for by somebody who may not see payloads.
        """
        self.parameters, self.ordering = parameters, ordering
        if unknown := sorted(parameters.keys() - JobSearchSet.base_filters.keys()):
            raise WrongFilter({name: ["is not known here"] for name in unknown})
        if "payload" in parameters and not may_see_payloads:
            raise PermissionDenied("jobs.view_payload")
        if ordering.removeprefix("-") not in ORDERS:
            raise WrongPage(f"ordering must be one of {', '.join(ORDERS)}, with - for descending.", parameter="ordering")
        self._order = ORDERS[ordering.removeprefix("-")]
        self.jobs = self._passed(self._everything, parameters)

    @property
    def in_words(self) -> str:
        return in_words(self.parameters)

    @cached_property
    def statuses(self) -> list[Status]:
        """Those that are asked for; all when none is."""
        asked = set(_words(self.parameters, "status")) or {*Status}
        if "attention" in self.parameters:
            asked &= LIVE
        if self._order.of:
            asked &= TERMINAL
        return [status for status in Status if status in asked]

    @property
    def _types(self) -> list[str]:
        return sorted(set(_words(self.parameters, "type")))

    @property
    def looks_for(self) -> set[str]:
        """The parameters that no index answers."""
        within = {name for name, statuses in _INDEXED_WITHIN.items() if {*self.statuses} <= statuses}
        return set(self.parameters) - _INDEXED - within

    @cached_property
    def is_bounded(self) -> bool:
        """Whether only the newest were looked through, because there are more."""
        return bool(self.looks_for) and self._passing_indexes.is_capped

    @cached_property
    def matching(self) -> Count:
        if self.looks_for:
            return _counted([self.found()])
        return self._passing_indexes

    def found(self) -> "QuerySet[Job]":
        """The jobs, in no order."""
        if not self.is_bounded:
            return self.jobs
        return self._passed(self._everything.filter(id__among=self._newest), self.parameters)

    def page(self, brought: "Callable[[QuerySet[Job]], QuerySet[Job]]", *, cursor: str | None, size: int) -> Page[Job]:
        """One page of what is found.

        Args:
            brought: of jobs, what is to be brought along or left out.

        Raises:
            WrongPage: the cursor is none of this list, or more match than can be brought into this order.
        """
        if self._is_read_in_order:
            sets = [brought(part).annotate(**{KEY: self._order.column}) for part in self._walked(self.jobs)]
            return PAGING.page_of(sets, ordering=self.ordering, cursor=cursor, size=size)
        if not self._order.walks and self.matching.is_capped:
            words = f"More than {MOST_SEARCHED:,} jobs match: too many to order them by {self._order.label.lower()}. Narrow the filter."
            raise WrongPage(words, parameter="ordering")
        found = brought(self.found()).annotate(**{KEY: self._order.sorted_by})
        return PAGING.page_of(found, ordering=self.ordering, cursor=cursor, size=size)

    @property
    def _is_read_in_order(self) -> bool:
        """Whether the page is read along an index: of many jobs, the next fifty are soon found; few are fetched and sorted."""
        return not self.looks_for and self._order.walks is not None and self._passing_indexes.is_capped

    @property
    def _everything(self) -> "QuerySet[Job]":
        return Job.objects.filter(self._order.of) if self._order.of else Job.objects.all()

    def _passed(self, jobs: "QuerySet[Job]", parameters: QueryDict) -> "QuerySet[Job]":
        found: QuerySet[Job] = JobSearchSet(parameters, queryset=jobs).chosen()
        return found

    @cached_property
    def _by_index(self) -> "QuerySet[Job]":
        """What passes the parameters that indexes answer."""
        answered = self.parameters.copy()
        for name in self.looks_for:
            del answered[name]
        return self._passed(self._everything, answered)

    @cached_property
    def _passing_indexes(self) -> Count:
        return _counted(self._sets(self._by_index))

    @cached_property
    def _newest(self) -> list[str]:
        sets = [part.only("id", "updated_at") for part in self._sets(self._by_index)]
        return [str(job_id) for job_id in first_of(sets, _NEWEST, MOST_SEARCHED).values_list("id", flat=True)]

    def _walked(self, jobs: "QuerySet[Job]") -> "list[QuerySet[Job]]":
        """The same jobs, in parts that the index of the order gives."""
        match self._order.walks:
            case "updated":
                return self._sets(jobs)
            case "priority":
                return [jobs.filter(status__in=sorted({*Status} - LIVE)), jobs.filter(status__in=sorted(LIVE))]
            case _:
                return [jobs]

    def _sets(self, jobs: "QuerySet[Job]") -> "list[QuerySet[Job]]":
        """The same jobs, in parts that indexes give by the time of their change: at rest by status and type; the few held together."""
        statuses, types = self.statuses, self._types
        if not types and len(statuses) == len(Status):
            return [jobs]
        resting = [status for status in statuses if not status.is_live]
        sets = [jobs.filter(status=status) for status in resting]
        if types and len(types) * len(resting) <= _MOST_SETS:
            sets = [jobs.filter(status=status, type=name) for status, name in product(resting, types)]
        return [*sets, *([jobs.filter(status__in=sorted(LIVE))] if {*statuses} & LIVE else [])] or [jobs.none()]


def _counted(sets: "list[QuerySet[Job]]") -> Count:
    number = first_of([jobs.only("id") for jobs in sets], (), MOST_SEARCHED + 1).count()
    return Count(min(number, MOST_SEARCHED), number > MOST_SEARCHED)


def _words(parameters: QueryDict, name: str) -> list[str]:
    return str(parameters[name]).split(",") if name in parameters else []


def parameters_of(query: QueryDict) -> QueryDict:
    """Of an address, what is about which jobs; what can stand only once counts as it stands last."""
    kept = QueryDict(mutable=True)
    for name in query:
        if name not in NO_FILTERS:
            values = query.getlist(name)
            kept.setlist(name, values if isinstance(JobSearchSet.base_filters.get(name), Several) else values[-1:])
    return kept
