"""Whoever sends many wrong passwords waits: what django-axes asks of us, and the page that says for how long.

It locks a name together with an address, whether there is such a user or not, so nobody learns which names exist, and nobody can lock
a colleague out from elsewhere. What it has counted it forgets itself, at the next attempt of anybody after the time is over.
"""

import math
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from jobs.addresses import client_of


class Lock(AxesStandaloneBackend):
    """Refuses who must wait; who comes by no request has no address to be locked from."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        if request is not None:
            super().authenticate(request, **credentials)


def address_of(request: HttpRequest) -> str | None:
    """As axes keeps it: an address, of IPv6 the first of its network; None when it is not known."""
    address, _, _ = client_of(request.META).partition("/")
    return None if address == "unknown" else address


def locked_out(request: HttpRequest, credentials: dict[str, str] | None = None) -> HttpResponse:
    """429, with the time until the next try."""
    left = _time_left(address_of(request), (credentials or {}).get("username"))
    told = {"title": "Wait", "left": left, "next": request.POST.get("next", "")}
    response = render(request, "errors/locked_out.html", told, status=HTTPStatus.TOO_MANY_REQUESTS)
    response["Retry-After"] = str(math.ceil(left.total_seconds()))
    return response


def _time_left(address: str | None, username: str | None) -> timedelta:
    tries = AccessAttempt.objects.filter(ip_address=address, username=username)
    last: datetime | None = tries.aggregate(last=Max("attempt_time"))["last"]
    # Ended in this very moment, by another of its kind.
    if last is None:
        return timedelta(seconds=1)
    period: timedelta = settings.AXES_COOLOFF_TIME
    return max(timedelta(seconds=1), last + period - timezone.now())
