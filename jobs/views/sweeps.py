"""Sweeps: the rules, what is stuck by each of them now and what a sweep would make of it, and the runs there were."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from jobs import sweeps, vacuum
from jobs.alerts import Alert, alerts
from jobs.filters import WrongFilter
from jobs.models import SweepRun
from jobs.paging import Column, Paging, whole
from jobs.rules import NAMES, RULES, Rule, threshold
from jobs.sweeps import Swept
from jobs.templatetags.jobs import brake_at
from jobs.views.lists import listed
from jobs.views.page import Page

# Stuck jobs are looked at up to here, of which so many are shown.
MOST_FORETOLD, MOST_SHOWN = 200, 20
_PAGING = Paging({"id": (by_id := Column("id", whole(1, 2**63 - 1)))}, tie=by_id)


@dataclass(frozen=True)
class Standing:
    """A rule, and how many jobs are stuck by it now.

    Attributes:
        threshold: from when on it applies, in words.
    """

    rule: Rule
    threshold: str
    jobs: int


class SweepsPage(Page):
    shell = "pages/sweeps.html"
    live = "pages/_sweeps.html"
    permission = "jobs.view_sweeprun"

    def shell_context(self) -> dict[str, Any]:
        return {"title": "Sweeps"}

    def live_context(self) -> dict[str, Any]:
        rule = self._rule()
        runs = SweepRun.objects.filter(rule=rule) if rule else SweepRun.objects.all()
        rows, pager = listed(self.request, runs, _PAGING, ordering="-id", words="Runs of each rule, the newest first; kept for 30 days")
        brake = brake_at(self.request)
        foretold, told = sweeps.preview(brake=brake, most=MOST_FORETOLD), alerts()
        return {
            "standings": _standings(foretold, told),
            "foretold": foretold[:MOST_SHOWN],
            "more": max(0, len(foretold) - MOST_SHOWN),
            "is_cut": len(foretold) == MOST_FORETOLD,
            "alerts": told,
            "brake": brake,
            "forgotten": vacuum.forgotten_transaction(),
            "runs": rows,
            "pager": pager,
            "chosen": rule,
        }

    def _rule(self) -> str:
        rule = self.request.GET.get("rule", "")
        if rule and rule not in NAMES:
            raise WrongFilter({"rule": [f"must be one of {', '.join(NAMES)}"]})
        return rule


def _standings(foretold: list[Swept], told: list[Alert]) -> list[Standing]:
    found = Counter(one.rule for one in foretold)
    for alert in told:
        found[alert.rule] += alert.jobs
    return [Standing(rule, threshold(rule.name), found[rule.name]) for rule in RULES]
