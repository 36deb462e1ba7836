"""How an orchestrator is: stopped, because staff said so; else by how long nothing was heard of it."""

from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings

from jobs.models import PauseMode


class Health(StrEnum):
    LIVE = "live"
    LATE = "late"
    OFFLINE = "offline"
    DRAINED = "drained"
    DISABLED = "disabled"


def late_after() -> timedelta:
    """So long after its last word it is late: heartbeats are asked for three times in a lease, so one was missed."""
    return timedelta(seconds=settings.HEARTBEAT_LEASE_SECONDS / 2)


def offline_after() -> timedelta:
    """So long after its last word it is offline, as the rule orchestrator_offline has it."""
    return timedelta(seconds=settings.OFFLINE_SECONDS)


def health_of(last_seen_at: datetime, *, stopped: PauseMode | None, now: datetime) -> Health:
    """How an orchestrator is.

    Args:
        last_seen_at: when it last polled, sent a heartbeat or reported.
        stopped: what staff said of it, which comes first: a drained one that is silent is meant to be.
    """
    if stopped is not None:
        return Health.DISABLED if stopped is PauseMode.DISABLED else Health.DRAINED
    silence = now - last_seen_at
    if silence >= offline_after():
        return Health.OFFLINE
    return Health.LATE if silence >= late_after() else Health.LIVE
