"""How the jobs stand that have not ended."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from jobs import statements
from jobs.lifecycle import Status

# Queued jobs are counted to here and no further.
COUNTED_TO = 10_000


@dataclass(frozen=True)
class Standing:
    """
    Attributes:
        jobs: of each status that is not terminal, how many; queued ones to COUNTED_TO.
        since: when the first of them came due, was claimed or was started; None when there is none.
        slots: how many jobs the orchestrators that are alive take together; None when not all of them tell.
        any_job: there is or was one that is kept.
    """

    jobs: dict[Status, int]
    since: dict[Status, datetime | None]
    slots: int | None
    any_job: bool

    @property
    def more_are_queued(self) -> bool:
        """Than were counted."""
        return self.jobs[Status.QUEUED] > COUNTED_TO


def standing() -> Standing:
    """Now."""
    (row,) = statements.run("heads", "standing", most=COUNTED_TO + 1, seconds=settings.OFFLINE_SECONDS)
    open_ones = (Status.QUEUED, Status.CLAIMED, Status.RUNNING)
    return Standing(
        jobs={status: row[status.value] for status in open_ones},
        since={status: row[f"{status.value}_since"] for status in open_ones},
        slots=None if row["slots"] is None else int(row["slots"]),
        any_job=row["any_job"],
    )
