"""A job as the kit keeps it, its lease, and how both are told."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.conformance.site.clock import written
from orchestrator.conformance.site.requests import Json, Report

LIVE = frozenset({"claimed", "running"})
FORGED = -1
# In everything that is told: a newer server may say more than an orchestrator knows.
ADDED_LATER = {"addedLater": {"by": "a newer server", "meaning": None}}


@dataclass(frozen=True)
class LeaseLengths:
    """Seconds, as the contract's section 3 has them; the kit plays with shorter ones."""

    claimed: float = 60.0
    acknowledged: float = 300.0
    heartbeat: float = 90.0
    after_timeout: float = 120.0
    logs_after_end: float = 300.0

    @property
    def heartbeat_seconds(self) -> int:
        """How often an orchestrator is asked to beat."""
        return max(1, int(self.heartbeat) // 3)


@dataclass(eq=False)
class Job:
    """
    Attributes:
        cancel_when_claimed: a cancel that comes in the moment of the claim.
        holders: epoch → who claimed it.
        ended: epoch → when that claim ended.
        verdicts: epoch → the report that ended it.
        accepted: all reports that were believed, replays and log lines apart.
        lines: epoch → sequence → log entry.
    """

    id: str
    type: str
    payload: Any
    created_at: datetime
    updated_at: datetime
    timeout_seconds: int = 3600
    cancel_when_claimed: bool = False
    status: str = "queued"
    epoch: int = 0
    attempts: int = 0
    orchestrator_id: str | None = None
    claim_id: str | None = None
    claimed_at: datetime | None = None
    acknowledged_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    lease_expires_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    ending: Json = field(default_factory=dict)
    progress: list[Any] = field(default_factory=list)
    holders: dict[int, str] = field(default_factory=dict)
    ended: dict[int, datetime] = field(default_factory=dict)
    verdicts: dict[int, Report] = field(default_factory=dict)
    accepted: list[Report] = field(default_factory=list)
    lines: dict[int, dict[int, Json]] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Whether somebody holds it."""
        return self.status in LIVE

    def is_held_by(self, orchestrator_id: str) -> bool:
        return self.is_live and self.orchestrator_id == orchestrator_id

    @property
    def next_action(self) -> str:
        return "cancel" if self.is_live and self.cancel_requested_at else "continue"

    def told(self, *, whole: bool = False) -> Json:
        """The Job of the contract's section 7; `whole` adds payload and result."""
        error = self.ending.get("error")
        return {
            "id": self.id,
            "type": self.type,
            "status": self.status,
            "priority": 50,
            **({"payload": self.payload, "result": self.ending or None} if whole else {}),
            "metadata": {},
            "lastError": error.get("message") if isinstance(error, dict) else error,
            "errorCategory": self.ending.get("category"),
            "exitCode": self.ending.get("exitCode"),
            "attempts": self.attempts,
            "maxAttempts": 1,
            "epoch": self.epoch,
            "phase": None,
            "progress": self.progress[-1] if self.progress else None,
            "partial": False,
            "createdBy": "conformance",
            "orchestratorId": self.orchestrator_id,
            "timeoutSeconds": self.timeout_seconds,
            "scheduledFor": written(self.created_at),
            "createdAt": written(self.created_at),
            "updatedAt": written(self.updated_at),
            "claimedAt": written(self.claimed_at),
            "acknowledgedAt": written(self.acknowledged_at),
            "startedAt": written(self.started_at),
            "completedAt": written(self.completed_at),
            "leaseExpiresAt": written(self.lease_expires_at),
            "cancelRequestedAt": written(self.cancel_requested_at),
            "retriedFrom": None,
            "uniqueKey": None,
            "labels": [],
            "retryPolicy": None,
            "fingerprint": None,
            "quarantinedAt": None,
            "cancelSeenAt": None,
            **ADDED_LATER,
        }

    def execution(self) -> Json | None:
        """What existing orchestrators read (section 3)."""
        if not isinstance(self.payload, dict) or not {"script", "http"} & self.payload.keys():
            return None
        return {"target": {"type": "local"}, "environment": {}, **self.payload, "timeout": self.timeout_seconds}


class LeaseTokens:
    """`<epoch>.<MAC over job, epoch, orchestrator>`, with a key of this run."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def token_of(self, job: Job) -> str:
        return f"{job.epoch}.{self._mac(job.id, job.epoch, job.orchestrator_id or '')}"

    def epoch_of(self, token: str, *, job_id: str, orchestrator_id: str) -> int:
        """The epoch that a token proves, or FORGED."""
        number, _, mac = token.partition(".")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            return FORGED
        genuine = hmac.compare_digest(mac.encode(), self._mac(job_id, int(number), orchestrator_id).encode())
        return int(number) if genuine else FORGED

    def _mac(self, job_id: str, epoch: int, orchestrator_id: str) -> str:
        whole = hmac.digest(self._key, f"{job_id}|{epoch}|{orchestrator_id}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(whole[:16]).decode().rstrip("=")
