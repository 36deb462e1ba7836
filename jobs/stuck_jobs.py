"""Which jobs are stuck, and by which rule: what the next sweep will move unless the brake keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs import statements
from jobs.models import Job
from jobs.rules import EVERYTHING, RULES


@dataclass(frozen=True)
class StuckJob:
    """
    Attributes:
        why: what the rule looks for.
        since: when its lease or its grace was over.
    """

    job: Job
    why: str
    since: datetime


@dataclass(frozen=True)
class StuckJobs:
    """
    Attributes:
        longest: the first of them, the longest first.
        by_rule: how many by each rule that found any.
    """

    longest: Sequence[StuckJob]
    by_rule: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.by_rule.values())


def stuck_jobs(*, most: int) -> StuckJobs:
    """Those that are stuck now; changes and locks nothing.

    Args:
        most: so many are told one by one.
    """
    rows = statements.run("time_is_up", "stuck_jobs", **EVERYTHING.parameters(), most=most)
    whys = {rule.name: rule.looks_for for rule in RULES}
    return StuckJobs(
        longest=[StuckJob(statements.as_job(row), whys[row["rule"]], row["over_at"]) for row in rows if row["shown"]],
        by_rule={row["rule"]: row["alike"] for row in rows},
    )
