"""Figures by type, as the sweep loop folds them."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from jobs import rollup, times
from jobs.models import Scope
from jobs.rollup import Period
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
        job_type, after = request.query_params.get("type"), request.query_params.get("after", "")
        told: dict[str, dict[str, Any]] = defaultdict(lambda: {"states": [], "transitions": []})
        for spread in rollup.spreads(period, job_type=job_type):
            told[spread.type]["states"].append(told_spread(spread))
        for moved in rollup.moves(period, job_type=job_type):
            told[moved.type]["transitions"].append(MovedOut.of(moved))
        names = sorted(name for name in told if name > after)
        return Response(
            {
                "since": times.written(period.since),
                "until": times.written(period.until),
                "lagSeconds": int(rollup.lag_seconds()),
                "types": [{"type": name} | told[name] for name in names[:limit]],
                "next": names[limit - 1] if len(names) > limit else None,
            }
        )
