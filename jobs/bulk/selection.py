"""Which jobs an operation is about, and what it would come to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from django.db.models import QuerySet

from jobs.bulk.actions import BulkAction
from jobs.filters import in_words, narrowed
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

    @classmethod
    def of(cls, jobs: "QuerySet[Job]", *, words: str) -> "Selection":
        """Just these, as of now.

        Raises:
            TooManyJobs: there are too many.
        """
        return cls(ids=[job_id for job_id, _, _ in _seen(jobs)], words=words)

    @property
    def told(self) -> str:
        """The selection in words."""
        if self.words:
            return self.words
        return in_words(self.filter) if self.filter is not None else f"{len(self.named):,} by their ids"

    @property
    def named(self) -> frozenset[str]:
        """
        Raises:
            TooManyJobs: more ids than an operation may have jobs.
        """
        ids = frozenset(self.ids or ())
        if len(ids) > MOST:
            raise TooManyJobs(len(ids))
        return ids

    def jobs(self) -> "QuerySet[Job]":
        """
        Raises:
            WrongFilter: the filter says nothing, or what it says is not known.
        """
        reach = Job.objects.filter(created_by=self.only_made_by) if self.only_made_by is not None else Job.objects.all()
        if self.filter is None:
            return reach.filter(id__among=sorted(self.named))
        return narrowed(reach, self.filter)

    def frozen(self) -> tuple[list[str], list[str]]:
        """The ids of its jobs as of now, and of those it names that are no jobs within its reach.

        Raises:
            TooManyJobs: there are too many.
        """
        found = [job_id for job_id, _, _ in _seen(self.jobs())]
        return found, sorted(self.named - set(found))


class Preview(TypedDict):
    """What an operation would come to if it were carried out now; the keys are those of the wire.

    Attributes:
        count: jobs selected.
        missing: ids named that are no jobs.
        wouldChange: jobs in a status from which the action is possible.
        byType: of the most frequent types; there are `otherTypes` more.
        sample: the newest that would change: id, type and status of each.
    """

    count: int
    missing: int
    wouldChange: int
    byStatus: dict[str, int]
    byType: dict[str, int]
    otherTypes: int
    sample: list[dict[str, str]]


def preview_of(action: BulkAction, selection: Selection, *, by: ActorKind) -> Preview:
    """Looks, and changes nothing.

    Raises:
        TooManyJobs: there are too many.
        WrongFilter: the filter says nothing, or what it says is not known.
    """
    rows = _seen(selection.jobs())
    statuses = Counter(status for _, status, _ in rows)
    types = Counter(job_type for _, _, job_type in rows)
    told = dict(sorted(types.most_common(_MOST_TYPES)))
    open_now = {status for status in Status if action.is_open(status, by)}
    concerned = sorted((row for row in rows if row[1] in open_now), reverse=True)
    return {
        "count": len(rows),
        "missing": len(selection.named) - len(rows) if selection.filter is None else 0,
        "wouldChange": len(concerned),
        "byStatus": {status.value: statuses[status] for status in Status if statuses[status]},
        "byType": told,
        "otherTypes": len(types) - len(told),
        "sample": [{"id": job_id, "type": job_type, "status": status} for job_id, status, job_type in concerned[:_SAMPLE]],
    }


def _seen(jobs: "QuerySet[Job]") -> list[tuple[str, str, str]]:
    """Id, status and type of each, at one moment."""
    rows = list(jobs.order_by().values_list("id", "status", "type")[: MOST + 1])
    if len(rows) > MOST:
        raise TooManyJobs(jobs.order_by().count())
    return rows
