"""/metrics, for Prometheus: to those who have the token, or come from a network that may look."""

import ipaddress
import secrets

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from jobs import metrics
from jobs.reading import TooSlow, reading


@require_safe
@never_cache
def metrics_page(request: HttpRequest) -> HttpResponse:
    """200 with the figures, 401 without the token, 503 when they could not be read in time; 404 where neither token nor network is set."""
    if not (settings.METRICS_TOKEN or settings.METRICS_NETWORKS):
        raise Http404
    if not (_has_token(request) or _comes_from_a_network(request)):
        return HttpResponse("The token of JOBSITE_METRICS_TOKEN is needed.\n", "text/plain", 401, headers={"WWW-Authenticate": "Bearer"})
    try:
        with reading():
            told = metrics.told()
    except TooSlow:
        return HttpResponse("The figures could not be read in time.\n", "text/plain", 503)
    return HttpResponse(told, metrics.CONTENT_TYPE)


def _has_token(request: HttpRequest) -> bool:
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(settings.METRICS_TOKEN) and secrets.compare_digest(sent.encode(), settings.METRICS_TOKEN.encode())


def _comes_from_a_network(request: HttpRequest) -> bool:
    """Straight from one of the networks. What came through a proxy has the proxy's address, and may have come from anywhere."""
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return any(address in network for network in settings.METRICS_NETWORKS)
