"""The feed of everything that happens on the site."""

from rest_framework.request import Request
from rest_framework.response import Response

from jobs import events
from jobs.events import Place
from jobs.models import Scope
from orchestration_api import queries
from orchestration_api.exceptions import WireError
from orchestration_api.permissions import opened_by
from orchestration_api.renderers import most_bytes
from orchestration_api.representations import Entry
from orchestration_api.views.base import MachineViewSet


class EventViewSet(MachineViewSet):
    """`GET /events`."""

    @opened_by(Scope.READ)
    def index(self, request: Request) -> Response:
        """Entries after a cursor, each exactly once; a page ends early where the answer would grow too large."""
        queries.only(request, "after", "limit")
        cursor = request.query_params.get("after", "0")
        limit = queries.whole(request, "limit", 1, 1000, default=100)
        try:
            place = Place.read(cursor)
        except ValueError as error:
            raise WireError("VALIDATION_INVALID_PARAMS", f"after: {error}.", fields={"after": ["is no cursor"]}) from None
        feed = events.after(place, limit=limit, most_bytes=most_bytes())
        told = {"events": [Entry.of(entry) for entry in feed.entries], "nextCursor": str(feed.next) if feed.next else cursor}
        return Response(told | {"lagSeconds": int(feed.lag_seconds)})
