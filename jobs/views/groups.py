"""What pages show of failure groups beside their rows: jobs that stand failed, where they ran, failures over time, and the newest retry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from jobs import statements, times
from jobs.failure_groups import MOST_FAILED_COUNTED, hour_of
from jobs.models import BulkState

# Of a group in a list, as many of its newest jobs tell where they ran.
LOOKED_AT = 10


@dataclass(frozen=True)
class Course:
    """A time in equal steps, up to the hour that is under way.

    Attributes:
        step: whole hours.
        words: how long it is.
        step_words: how long each step is.
    """

    steps: int
    step: timedelta
    words: str
    step_words: str

    @property
    def seconds(self) -> int:
        return int(self.step.total_seconds())


DAY = Course(24, timedelta(hours=1), "24 h", "an hour")
WEEK = Course(28, timedelta(hours=6), "7 days", "six hours")


@dataclass(frozen=True)
class Figures:
    """
    Attributes:
        jobs: that stand failed, counted to 10,000.
        ran_on: of the newest of these: orchestrator → how many.
        failures: in each step of the course, the oldest first.
        operation_id: of the newest retry; None when there was none.
        stage: of its canaries.
        is_retried: whether it goes on.
    """

    jobs: int
    ran_on: Mapping[str, int]
    failures: Sequence[int]
    operation_id: str | None
    stage: str | None
    is_retried: bool

    @property
    def jobs_told(self) -> str:
        return capped(self.jobs, MOST_FAILED_COUNTED)

    @property
    def in_all(self) -> int:
        """Failures in the course."""
        return sum(self.failures)


def figures_of(fingerprints: Sequence[str], course: Course, *, looked_at: int = LOOKED_AT) -> dict[str, Figures]:
    """The figures of each group, by its fingerprint, in one statement.

    Args:
        looked_at: at so many of the newest jobs that stand failed, of each group, for where they ran.
    """
    rows = statements.run(
        "groups_shown",
        fingerprints=list(fingerprints),
        most=MOST_FAILED_COUNTED,
        looked_at=looked_at,
        since=hour_of(times.now()) - course.step * course.steps + timedelta(hours=1),
        steps=course.steps,
        step_seconds=course.seconds,
    )
    return {
        row["fingerprint"]: Figures(
            row["jobs"],
            dict(sorted(row["ran_on"].items(), key=lambda one: (-one[1], one[0]))),
            row["failures"],
            row["operation_id"],
            row["stage"],
            row["state"] in (BulkState.RUNNING, BulkState.PAUSED),
        )
        for row in rows
    }


def capped(count: int, most: int) -> str:
    """`1,284`; from `most` on `10,000+`."""
    return f"{min(count, most):,}" + "+" * (count >= most)
