"""Stops and resumes claims: of the whole site, of a type of jobs, or by one orchestrator. What is held already goes on."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from jobs import records, statements
from jobs.actors import Actor
from jobs.models import JobType, Pause, PauseMode, PauseScope
from jobs.records import SiteAct

_ACTS = {PauseMode.PAUSED: SiteAct.PAUSE, PauseMode.DRAINED: SiteAct.DRAIN, PauseMode.DISABLED: SiteAct.DISABLE}


@dataclass(frozen=True)
class Subject:
    """Whose claims."""

    scope: PauseScope
    name: str = ""

    @classmethod
    def type(cls, name: str) -> "Subject":
        return cls(PauseScope.TYPE, name)

    @classmethod
    def orchestrator(cls, name: str) -> "Subject":
        return cls(PauseScope.ORCHESTRATOR, name)

    def __str__(self) -> str:
        return f"{self.scope} {self.name}".strip()


SITE = Subject(PauseScope.SITE)


def pause(*, by: Actor, reason: str, subject: Subject = SITE) -> None:
    """Of the site or a type: no job is claimed any more. When this returns, the last claim that found one has been committed."""
    _stop(subject, PauseMode.PAUSED, by, reason)


def drain(orchestrator_id: str, *, by: Actor, reason: str) -> None:
    """It gets no more jobs, and ends those it holds. (It may not have been heard of yet.)"""
    _stop(Subject.orchestrator(orchestrator_id), PauseMode.DRAINED, by, reason)


def disable(orchestrator_id: str, *, by: Actor, reason: str) -> None:
    """As `drain`, and it is not meant to come back: what it holds is still taken from it, so that no work is lost."""
    _stop(Subject.orchestrator(orchestrator_id), PauseMode.DISABLED, by, reason)


def resume(*, by: Actor, reason: str, subject: Subject = SITE) -> bool:
    """Claims again.

    Returns:
        False when that was so already; then nothing is written.
    """
    with transaction.atomic():
        deleted, _ = Pause.objects.filter(scope=subject.scope, name=subject.name).delete()
        if deleted:
            _record(SiteAct.RESUME, subject, by, reason)
    return bool(deleted)


def reason_for(orchestrator_id: str, job_types: Sequence[str] | None = None) -> PauseMode | None:
    """Why a claim finds nothing whatever there is in the queue.

    Args:
        job_types: that are claimed from; None for all.
    """
    paused = Q(scope=PauseScope.SITE) | Q(scope=PauseScope.TYPE, name__in=job_types or [])
    stopped = list(Pause.objects.filter(paused | Q(scope=PauseScope.ORCHESTRATOR, name=orchestrator_id)))
    if own := next((pause for pause in stopped if pause.scope == PauseScope.ORCHESTRATOR), None):
        return PauseMode(own.mode)
    types = {pause.name for pause in stopped if pause.scope == PauseScope.TYPE}
    is_paused = any(pause.scope == PauseScope.SITE for pause in stopped) or (job_types and types >= set(job_types))
    return PauseMode.PAUSED if is_paused else None


def pauses_of_type(name: str) -> list[Pause]:
    """What keeps jobs of a type from being claimed: that of the site first; none of them when they are claimed as usual."""
    concerned = Q(scope=PauseScope.SITE) | Q(scope=PauseScope.TYPE, name=name)
    return list(Pause.objects.filter(concerned).order_by("scope"))


def pause_of(orchestrator_id: str) -> Pause | None:
    """What was said of this orchestrator."""
    return Pause.objects.filter(scope=PauseScope.ORCHESTRATOR, name=orchestrator_id).first()


def _stop(subject: Subject, mode: PauseMode, by: Actor, reason: str) -> None:
    with transaction.atomic():
        # Waits for claims under way, and makes new ones wait until they can see it.
        statements.run("claims_stand_still")
        Pause.objects.update_or_create(
            scope=subject.scope, name=subject.name, defaults={"mode": mode, "reason": reason, "paused_by": by.name, "at": Now()}
        )
        if subject.scope is PauseScope.TYPE:
            JobType.objects.get_or_create(name=subject.name)
        _record(_ACTS[mode], subject, by, reason)


def _record(act: SiteAct, subject: Subject, by: Actor, reason: str) -> None:
    records.record(act, subject_type=subject.scope, subject_id=subject.name or "site", by=by, reason=reason)
