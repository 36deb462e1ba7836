"""Cancels with proof: who asked when, when the holder was told, and whether it stopped or was overruled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Now

from jobs.lifecycle import Act, ActorKind, Status
from jobs.models import AuditEntry, Job, Orchestrator


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What is known of the cancel of a job that was held.

    Attributes:
        holder: the orchestrator that was to obey.
        seen_at: when an answer first told it so; None: not that we know.
        ended: the entry that ended the run; None while it is waited for.
        may_run_on: the host on which it may still be running, because it was ended without the holder's word; else None.
    """

    requested_by: str
    requested_at: datetime
    holder: str
    seen_at: datetime | None
    ended: AuditEntry | None
    may_run_on: str | None

    @property
    def outcome(self) -> str:
        """In words."""
        if self.ended is None:
            return f"waits for {self.holder}"
        if self.may_run_on:
            return f"forced; it may still be running on {self.may_run_on}"
        if self.ended.to_status == Status.CANCELLED:
            return f"stopped by {self.holder}" if self.ended.actor_kind == ActorKind.ORCHESTRATOR else "forced before it was started"
        return f"too late: the run had {self.ended.to_status}"


def proof_of(job: Job, entries: Sequence[AuditEntry]) -> Proof | None:
    """The last cancel that was asked of a holder, while or after it held the job; None when there was none since the job was last queued.

    Args:
        entries: of the job, the newest first.
    """
    ended: AuditEntry | None = None
    for entry in entries:
        if entry.action == Act.CANCEL_REQUEST and job.orchestrator_id:
            return Proof(
                requested_by=entry.actor,
                requested_at=entry.at,
                holder=job.orchestrator_id,
                seen_at=job.cancel_seen_at,
                ended=ended,
                may_run_on=_may_run_on(job, ended),
            )
        if entry.to_status == Status.QUEUED:
            return None
        if entry.from_status != entry.to_status and Status(str(entry.to_status)).is_terminal:
            ended = entry
    return None


def ignored_cancels(orchestrator_id: str, *within: timedelta) -> list[int]:
    """How many cancels an orchestrator ignored, alive as it was, until they were forced. Plan: index audit_log_ignored.

    Args:
        within: spans of time up to now.

    Returns:
        How many for each span.
    """
    forced = AuditEntry.objects.filter(actor_kind=ActorKind.SWEEP, action="cancel", at__gt=Now() - max(within))
    ignored = forced.alias(ignored_by=KeyTextTransform("ignoredBy", "detail")).filter(ignored_by=orchestrator_id)
    counts = ignored.aggregate(**{f"within_{place}": Count("pk", filter=Q(at__gt=Now() - span)) for place, span in enumerate(within)})
    return list(counts.values())


def _may_run_on(job: Job, ended: AuditEntry | None) -> str | None:
    if ended is None or ended.from_status != Status.RUNNING or ended.to_status != Status.CANCELLED:
        return None
    if ended.actor_kind == ActorKind.ORCHESTRATOR:
        return None
    host = (ended.detail or {}).get("host") or _host_of(str(job.orchestrator_id))
    return f"host {host}" if host else f"the host of {job.orchestrator_id}"


def _host_of(orchestrator_id: str) -> str | None:
    return Orchestrator.objects.filter(id=orchestrator_id).values_list("hostname", flat=True).first()
