"""How many jobs there are."""

from dataclasses import dataclass

from jobs import statements
from jobs.lifecycle import Status


@dataclass(frozen=True)
class Counts:
    """
    Attributes:
        by_status: every status, also those that no job has.
        by_type: every type that a job has.
    """

    by_status: dict[str, int]
    by_type: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.by_status.values())


def counts() -> Counts:
    """All jobs, counted in one statement."""
    rows = statements.run("stats")
    return Counts(
        by_status={status.value: 0 for status in Status} | {row["status"]: row["jobs"] for row in rows if row["status"]},
        by_type={row["type"]: row["jobs"] for row in rows if row["type"]},
    )
