"""Figures by type, as the sweep loop folds them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from jobs import rollup, times
from jobs.models import Scope
from jobs.rollup import Names, Period
from orchestration_api import queries
from orchestration_api.exceptions import WireError
from orchestration_api.permissions import opened_by
from orchestration_api.representations import MovedOut, told_spread
from orchestration_api.views.base import MachineViewSet

USUAL_PERIOD = timedelta(hours=1)


class FigureViewSet(MachineViewSet):
    """`GET /figures`."""

    @opened_by(Scope.READ)
    def index(self, request: Request) -> Response:
        """How long jobs were in each state, and how many went where, in a period; some types at a time."""
        queries.only(request, "since", "until", "type", "after", "limit")
        now = times.now()
        until = queries.moment(request, "until", default=now)
        since = queries.moment(request, "since", default=until - USUAL_PERIOD)
        if since > until:
            raise WireError("VALIDATION_INVALID_PARAMS", "since is later than until.", fields={"since": ["is later than until"]})
        limit = queries.whole(request, "limit", 1, 1000, default=100)
        period = Period.around(since, until, now=now)
        job_type, after = queries.word(request, "type"), queries.word(request, "after") or ""
        named = [job_type] if job_type else rollup.types(period, after=after, most=limit + 1)
        names = [name for name in named if name > after]
        told = _told(period, names[:limit])
        return Response(
            {
                "since": times.written(period.since),
                "until": times.written(period.until),
                "lagSeconds": int(rollup.lag_seconds()),
                "types": [{"type": name} | figures for name, figures in told.items()],
                "next": names[limit - 1] if len(names) > limit else None,
            }
        )


def _told(period: Period, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The figures of types that follow upon each other; of those that have some."""
    told: dict[str, dict[str, Any]] = defaultdict(lambda: {"states": [], "transitions": []})
    if names:
        among = Names(names[0], names[-1])
        for spread in rollup.spreads(period, among=among):
            told[spread.type]["states"].append(told_spread(spread))
        for moved in rollup.moves(period, among=among):
            told[moved.type]["transitions"].append(MovedOut.of(moved))
    return dict(sorted(told.items()))
