"""Whoever sends many wrong tokens is told to wait. A valid token is never throttled, wherever it comes from."""

import logging
import math
import time

from django.conf import settings
from django.db import Error
from psycopg_pool import PoolTimeout
from rest_framework.request import Request

from jobs.addresses import client_of
from jobs.memory import Memory
from jobs.throttling import WINDOW_SECONDS, count_failure
from orchestration_api.exceptions import WireError

log = logging.getLogger(__name__)
# Addresses that are over their limit, and until when, by `time.monotonic`: they are told so without a query.
over_limit: Memory[str, float] = Memory()


def count(request: Request) -> WireError | None:
    """Counts one wrong token against the address that it came from.

    Returns:
        What to answer instead of 401 when it sent too many.
    """
    address = client_of(request.META)
    over_until = over_limit.get(address)
    left = over_until - time.monotonic() if over_until else _counted(address)
    if left <= 0:
        return None
    return WireError(
        "RATE_LIMIT_EXCEEDED",
        "Too many wrong tokens came from your address. Wait, then send a valid one.",
        retryAfterSeconds=math.ceil(left),
    )


def _counted(address: str) -> float:
    """Seconds for which the address is over its limit; 0 when it is not."""
    try:
        failures, left = count_failure(address)
    except (Error, PoolTimeout) as error:
        log.warning("a wrong token could not be counted: %s", type(error).__name__)
        return 0.0
    if failures <= settings.AUTH_FAILURES_PER_MINUTE:
        return 0.0
    left = min(max(left, 1.0), float(WINDOW_SECONDS))
    until = time.monotonic() + left
    over_limit.keep(address, until, until=until)
    log.warning("too many wrong tokens from %s", address)
    return left
