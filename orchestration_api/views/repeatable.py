"""Reports wait for the database: one that lost its connection is made again on a new one, at whichever statement that befell it."""

import logging
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.response import Response

from orchestration_api.outages import outage_in, was_cut_off
from orchestration_api.views.base import MachineViewSet

log = logging.getLogger(__name__)
# Of one call. When the database went away, it took all connections of the pool with it, and not each of them knows it yet.
_MOST_TRIES = 3


class _CutOff(Exception):
    """The call can be made again."""


class RepeatableViewSet(MachineViewSet):
    """For calls that may come twice, as when an orchestrator sends one again that got no answer: the second is told what the first was.

    So such a call is made again from its beginning when it was cut off, before its commit or after it, nobody knows. What a report asks
    before its door (who calls, by which keys, that it sent no token) is asked again with it and needs no care of its own.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._lost: list[Exception] = []

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        while True:
            try:
                return super().dispatch(request, *args, **kwargs)
            except _CutOff:
                log.warning("the connection to the database was lost; %s %s is made again", request.method, request.path)
                # The next one is asked of the pool, which waits for the database (jobsite/postgresql).
                connection.close()

    def handle_exception(self, exc: Exception) -> Response:
        # In a transaction that began around this call, all of that is lost, too.
        if was_cut_off(exc) and not connection.in_atomic_block and len(self._lost) < _MOST_TRIES - 1:
            self._lost.append(exc)
            raise _CutOff from exc
        # Once it was cut off, nobody knows whether it was done, also where the database was not to be reached afterwards.
        return super().handle_exception(self._lost[0] if self._lost and outage_in(exc) else exc)
