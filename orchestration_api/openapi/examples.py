"""One job and its kin, as examples tell them."""

from typing import Any

MOMENT = "2026-11-23T14:03:12.000000Z"
LATER = "2026-11-23T14:04:12.000000Z"
JOB_ID = "job_01M8539F22DF0DK63H31R94XA5"
TOKEN = "1.YB27eFZ0mHEHlEb4vPI_sw"  # noqa: S105  of no key that there is

LEASE = {"token": TOKEN, "expiresAt": LATER, "heartbeatSeconds": 30}
_QUEUED: dict[str, Any] = {
    "id": JOB_ID,
    "type": "report",
    "status": "queued",
    "priority": 50,
    "metadata": {"team": "sales"},
    "lastError": None,
    "errorCategory": None,
    "exitCode": None,
    "attempts": 0,
    "maxAttempts": 2,
    "epoch": 0,
    "phase": None,
    "progress": None,
    "partial": False,
    "createdBy": "service",
    "orchestratorId": None,
    "timeoutSeconds": 3600,
    "scheduledFor": MOMENT,
    "createdAt": MOMENT,
    "updatedAt": MOMENT,
    "claimedAt": None,
    "acknowledgedAt": None,
    "startedAt": None,
    "completedAt": None,
    "leaseExpiresAt": None,
    "cancelRequestedAt": None,
    "retriedFrom": None,
    "uniqueKey": None,
    "labels": [],
    "retryPolicy": None,
    "fingerprint": None,
    "quarantinedAt": None,
    "cancelSeenAt": None,
}
_WHOLE = {"payload": {"customer": 42}, "result": None}
_HELD = {"orchestratorId": "worker-7", "epoch": 1, "claimedAt": MOMENT, "leaseExpiresAt": LATER}


def job(**changes: Any) -> dict[str, Any]:
    """A job in passing: queued, unless told otherwise."""
    return _QUEUED | changes


def whole(**changes: Any) -> dict[str, Any]:
    """The same with payload and result."""
    return _QUEUED | _WHOLE | changes


def held(status: str, **changes: Any) -> dict[str, Any]:
    """A job in passing, held by worker-7."""
    return _QUEUED | _HELD | {"status": status} | changes


def reported(shown: dict[str, Any], *, then: str = "continue", **rest: Any) -> dict[str, Any]:
    """The answer to a report."""
    return {"success": True, "job": shown, "timestamp": MOMENT, "nextAction": then, **rest}
