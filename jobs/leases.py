"""The right to report on a job until a time: its tokens, heartbeats and renewals."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import transaction

from jobs import statements
from jobs.actors import Actor, Holder
from jobs.labels import as_set
from jobs.memory import Memory
from jobs.models import Job, LeaseKey
from jobs.records import SiteAct, record

# What a token that does not verify is taken for: a claim that never was.
FORGED = -1
# How long a process goes by the keys that it has read.
KEYS_REMEMBERED_SECONDS = 30


def token_of(job: Job) -> str:
    """The lease token of the job's current claim: `<epoch>.<MAC over job, epoch, orchestrator>`, always the same for one claim."""
    return f"{job.epoch}.{_mac(_signing_key(job), job.id, job.epoch, job.orchestrator_id or '')}"


def epoch_of(token: str, *, job_id: str, orchestrator_id: str) -> int:
    """The epoch that a token proves, or FORGED."""
    (epoch,) = epochs_of([(job_id, token)], orchestrator_id=orchestrator_id)
    return epoch if epoch is not None else FORGED


def epochs_of(sent: Sequence[tuple[str, str | None]], *, orchestrator_id: str) -> list[int | None]:
    """The epochs that tokens prove, each of a job.

    Args:
        sent: job id and token, in any number; the keys are read once more at most.

    Returns:
        For each: the epoch, FORGED, or None where no token was sent.
    """
    proven = [_proven(job_id, token, orchestrator_id) if token else None for job_id, token in sent]
    if FORGED in proven:
        # Perhaps signed with a key made after this process began to remember them.
        _keys.cache_clear()
        proven = [_proven(job_id, token, orchestrator_id) if token else None for job_id, token in sent]
    return proven


def add_key(*, by: Actor) -> None:
    """Makes a new key: it signs the claims made from a minute later on; tokens signed with older ones stay good."""
    with transaction.atomic():
        key = LeaseKey.objects.create(secret=secrets.token_bytes(32))
        record(SiteAct.ROTATE, subject_type="lease_key", subject_id=str(key.pk), by=by)


@dataclass(frozen=True)
class Pulse:
    """What an orchestrator says with a heartbeat.

    Attributes:
        named: the jobs it runs: job_id, and epoch (of the token sent with it, or None) and progress where sent.
        capacity: as sent.
        job_types: what it takes; None leaves what is on its record, as with all that follows.
        labels: what it has.
        instance_id: of the process, where it tells two of one host apart.
    """

    named: Sequence[Mapping[str, Any]] = ()
    capacity: Mapping[str, Any] | None = None
    job_types: Sequence[str] | None = None
    version: str | None = None
    hostname: str | None = None
    labels: Sequence[str] | None = None
    instance_id: str | None = None

    @property
    def place(self) -> str | None:
        """Where it came from, as far as it says."""
        return " ".join(filter(None, (self.hostname, self.instance_id))) or None


@dataclass
class PulseAnswer:
    """
    Attributes:
        leases: job id and until when, of the jobs named and renewed.
        cancel: held jobs whose cancel is pending.
        abandon: named, but not held.
        unreported: held, but not named.
    """

    leases: list[tuple[str, datetime]] = field(default_factory=list)
    cancel: list[str] = field(default_factory=list)
    abandon: list[str] = field(default_factory=list)
    unreported: list[str] = field(default_factory=list)


def heartbeat(pulse: Pulse, *, by: Holder) -> PulseAnswer:
    """Renews the leases of the jobs named: one statement, whatever their number; no audit entry."""
    rows = statements.run(
        "heartbeat",
        named=json.dumps(list(pulse.named)),
        orchestrator_id=by.name,
        fenced=by.fenced,
        version=pulse.version,
        hostname=pulse.hostname,
        job_types=list(pulse.job_types) if pulse.job_types is not None else None,
        labels=as_set(pulse.labels) if pulse.labels is not None else None,
        place=pulse.place,
        capacity=json.dumps(pulse.capacity) if pulse.capacity is not None else None,
        heartbeat_lease=settings.HEARTBEAT_LEASE_SECONDS,
        timeout_grace=settings.TIMEOUT_GRACE_SECONDS,
    )
    answer = PulseAnswer()
    for row in rows:
        if row["word"] == "lease":
            answer.leases.append((row["job_id"], row["lease_expires_at"]))
        else:
            getattr(answer, row["word"]).append(row["job_id"])
    return answer


def renew(job_id: str, *, by: Holder, epoch: int, seconds: int | None = None, progress: Mapping[str, Any] | None = None) -> Job | None:
    """Prolongs one lease.

    Args:
        epoch: of the verified token.
        seconds: from now, 1 to 3600; None for the length of a heartbeat's.

    Returns:
        The job as it was renewed, with what its lease is told by; None when the caller does not hold it.
    """
    rows = statements.run(
        "renew",
        job_id=job_id,
        orchestrator_id=by.name,
        epoch=epoch,
        seconds=seconds or settings.HEARTBEAT_LEASE_SECONDS,
        progress=json.dumps(progress) if progress is not None else None,
        timeout_grace=settings.TIMEOUT_GRACE_SECONDS,
    )
    return statements.as_job(rows[0]) if rows else None


def note_unfenced(orchestrator_id: str) -> None:
    """Writes down that an orchestrator reported without a lease token: at most once a minute, and else at no cost."""
    if _unfenced_noted.get(orchestrator_id):
        return
    statements.run("unfenced", orchestrator_id=orchestrator_id)
    _unfenced_noted.keep(orchestrator_id, True, until=time.monotonic() + 60)


# Of whom it need not be written again yet.
_unfenced_noted: Memory[str, bool] = Memory()


def _proven(job_id: str, token: str, orchestrator_id: str) -> int:
    number, _, mac = token.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return FORGED
    return int(number) if _verifies(mac, job_id, int(number), orchestrator_id) else FORGED


@dataclass(frozen=True)
class _Key:
    secret: bytes
    signs_from: datetime


def _signing_key(job: Job) -> bytes:
    """The newest key that was in force when the job was claimed, so that a later one does not change the token of a claim."""
    keys = _known_keys()
    return next((key.secret for key in keys if job.claimed_at and key.signs_from <= job.claimed_at), keys[-1].secret)


def _known_keys() -> tuple[_Key, ...]:
    return _keys(int(time.monotonic() // KEYS_REMEMBERED_SECONDS))


@lru_cache(maxsize=1)
def _keys(period: int) -> tuple[_Key, ...]:
    # A new key signs only once every server has read it: until then two of them would tell two tokens for one claim.
    wait = timedelta(seconds=2 * KEYS_REMEMBERED_SECONDS)
    return tuple(_Key(bytes(key.secret), key.created_at + wait) for key in LeaseKey.objects.order_by("-id"))


def _verifies(mac: str, job_id: str, epoch: int, orchestrator_id: str) -> bool:
    return any(hmac.compare_digest(mac.encode(), _mac(key.secret, job_id, epoch, orchestrator_id).encode()) for key in _known_keys())


def _mac(key: bytes, job_id: str, epoch: int, orchestrator_id: str) -> str:
    # HMAC-SHA256 (RFC 2104), the first 128 bits. The parts can't be mistaken for each other: "|" occurs in none of them.
    whole = hmac.digest(key, f"{job_id}|{epoch}|{orchestrator_id}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(whole[:16]).decode().rstrip("=")
