"""Which jobs an operation is about, and what it would come to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from jobs.bulk.actions import BulkAction
from jobs.filters import JobFilterSet, in_words
from jobs.lifecycle import ActorKind, Status
from jobs.models import Job

# Jobs in one operation.
MOST = 10_000
_SAMPLE = 8
# Types that a preview tells by name.
_MOST_TYPES = 50


class TooManyJobs(Exception):
    """More jobs match than an operation may have.

    Attributes:
        matching: how many.
    """

    def __init__(self, matching: int) -> None:
        super().__init__(f"{matching:,} jobs match; an operation has at most {MOST:,}. Narrow the filter.")
        self.matching = matching


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Jobs named by their ids, or by a filter; one of the two.

    Attributes:
        ids: in any order; one that stands twice counts once.
        filter: parameters of JobFilterSet, at least one.
        only_made_by: of these only jobs that this producer made; any other is as if there were none.
        words: how it is told to people, where that is not plain from the rest.
    """

    ids: Sequence[str] | None = None
    filter: Mapping[str, str] | None = None
    only_made_by: str | None = None
    words: str = ""

    @property
    def told(self) -> str:
        """The selection in words."""
        if self.words:
            return self.words
        return in_words(self.filter) if self.filter is not None else f"{len(set(self.ids or ())):,} by their ids"

    def jobs(self) -> "QuerySet[Job]":
        """
        Raises:
            ValueError: a parameter of the filter is unknown, or its value does not parse.
        """
        reach = Job.objects.filter(created_by=self.only_made_by) if self.only_made_by is not None else Job.objects.all()
        if self.filter is None:
            return reach.filter(id__in=set(self.ids or ()))
        if not self.filter or not self.filter.keys() <= JobFilterSet.base_filters.keys():
            raise ValueError("a filter needs at least one parameter, and knows those of the list of jobs")
        return JobFilterSet(dict(self.filter), queryset=reach).chosen()

    def frozen(self) -> tuple[list[str], list[str]]:
        """The ids of its jobs as of now, and of those it names that are no jobs within its reach.

        Raises:
            TooManyJobs: there are too many.
        """
        found = [job_id for job_id, _, _ in _seen(self.jobs())]
        return found, sorted(set(self.ids or ()) - set(found))


@dataclass(frozen=True)
class Preview:
    """What an operation would come to if it were carried out now.

    Attributes:
        count: jobs selected.
        missing: ids named that are no jobs.
        would_change: jobs in a status from which the action is possible.
        sample: the newest of these: id, type and status of each.
    """

    count: int
    missing: int
    would_change: int
    by_status: dict[str, int]
    by_type: dict[str, int]
    other_types: int
    sample: list[dict[str, str]]

    def written(self) -> dict[str, Any]:
        """As it is kept and told."""
        return {
            "count": self.count,
            "missing": self.missing,
            "wouldChange": self.would_change,
            "byStatus": self.by_status,
            "byType": self.by_type,
            "otherTypes": self.other_types,
            "sample": self.sample,
        }


def preview_of(action: BulkAction, selection: Selection, *, by: ActorKind) -> Preview:
    """Looks, and changes nothing.

    Raises:
        TooManyJobs: there are too many.
        ValueError: the filter does not parse.
    """
    rows = _seen(selection.jobs())
    statuses = Counter(status for _, status, _ in rows)
    types = Counter(job_type for _, _, job_type in rows)
    told = dict(sorted(types.most_common(_MOST_TYPES)))
    open_now = {status for status in Status if action.is_open(status, by)}
    concerned = sorted((row for row in rows if row[1] in open_now), reverse=True)
    return Preview(
        count=len(rows),
        missing=len(set(selection.ids or ())) - len(rows) if selection.filter is None else 0,
        would_change=len(concerned),
        by_status={status: statuses[status] for status in Status if statuses[status]},
        by_type=told,
        other_types=len(types) - len(told),
        sample=[{"id": job_id, "type": job_type, "status": status} for job_id, status, job_type in concerned[:_SAMPLE]],
    )


def _seen(jobs: "QuerySet[Job]") -> list[tuple[str, str, str]]:
    """Id, status and type of each, at one moment."""
    rows = list(jobs.order_by().values_list("id", "status", "type")[: MOST + 1])
    if len(rows) > MOST:
        raise TooManyJobs(jobs.order_by().count())
    return rows
