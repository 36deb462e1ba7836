"""The overview: what ought to be looked at, how many jobs are where, how they flow, and what fails."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from jobs import rollup, sweep_runs
from jobs.alerts import alerts
from jobs.filters import WrongFilter
from jobs.flows import WINDOWS, Window, failed, flows, lengths
from jobs.lifecycle import ActorKind, Status, Verb, verbs_from
from jobs.standing import standing
from jobs.stuck_jobs import StuckJob, stuck_jobs
from jobs.templatetags.jobs import brake_at
from jobs.top_failures import top_failures
from jobs.views import overview_figures as figures
from jobs.views import transitions
from jobs.views.attention import (
    brake_concern,
    failed_concern,
    in_order,
    silent_concern,
    stuck_concern,
    sweep_concern,
    unroutable_concern,
)
from jobs.views.page import Page

_PERIOD = "1h"
_STUCK_SHOWN = 10
_GROUPS_SHOWN = 6
# Figures are folded every few seconds; what is older than this is told.
_LAG_TOLD_FROM = 30
_VERBS = (Verb.RELEASE, Verb.CANCEL)


class OverviewPage(Page):
    shell = "pages/overview.html"
    live = "pages/_overview.html"
    permission = "jobs.view_job"

    def shell_context(self) -> dict[str, Any]:
        return {"title": "Overview", "windows": WINDOWS, "period": self.request.GET.get("period") or _PERIOD}

    def live_context(self) -> dict[str, Any]:
        window = self._window()
        now = timezone.now()
        stands = standing()
        flowed = flows(window, now=now)
        if not stands.any_job and not flowed.by_type:
            return {"is_empty": True}
        stuck, alerted, failing = stuck_jobs(most=_STUCK_SHOWN), alerts(), failed(window, now=now)
        lag, top = rollup.lag_seconds(), top_failures(now=now, hours=24, most=_GROUPS_SHOWN)
        timed_since, spreads = lengths(window, now=now, states=figures.TIMED)
        concerns = in_order(
            [
                brake_concern(brake_at(self.request)),
                stuck_concern(stuck),
                failed_concern(failing),
                silent_concern(alerted),
                unroutable_concern(alerted),
                sweep_concern(sweep_runs.state()),
            ]
        )
        return {
            "concerns": concerns,
            "all_clear": not any(concern.tone for concern in concerns),
            "as_of": now - timedelta(seconds=lag),
            "lag": lag if lag >= _LAG_TOLD_FROM else 0,
            "window": window,
            "tiles": figures.tiles(stands, flowed, failing, window),
            "chart": transitions.stacked(flowed, window, now=now),
            "table": transitions.table(flowed, window),
            "timed_since": timed_since,
            "percentiles": figures.percentiles(spreads),
            "rates": figures.rates(flowed.by_type),
            "top": top,
            "failing": figures.failing(top),
            "stuck": stuck,
            "stuck_rows": [(one, self._verbs(one)) for one in stuck.longest],
        }

    def _window(self) -> Window:
        period = self.request.GET.get("period") or _PERIOD
        if period not in WINDOWS:
            raise WrongFilter({"period": [f"must be one of {', '.join(WINDOWS)}"]})
        return WINDOWS[period]

    def _verbs(self, stuck: StuckJob) -> list[Verb]:
        """What whoever looks may say of it."""
        if not self.request.user.has_perm("jobs.change_job"):
            return []
        return [verb for verb in _VERBS if verb in verbs_from(Status(stuck.job.status), ActorKind.USER)]
