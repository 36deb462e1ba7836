"""What people make of a failure group: acknowledged, snoozed, resolved, reopened. Changes neither job nor count."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from jobs import records
from jobs.actors import Actor
from jobs.models import FailureGroup, TriageState
from jobs.records import SiteAct
from jobs.times import now, written

OPEN = frozenset({TriageState.NEW, TriageState.ACKNOWLEDGED, TriageState.REGRESSED})
# From which states an act is possible; from that where it leads, to set other terms.
SOURCES: dict[SiteAct, frozenset[TriageState]] = {
    SiteAct.ACKNOWLEDGE: OPEN | {TriageState.SNOOZED},
    SiteAct.SNOOZE: OPEN | {TriageState.SNOOZED},
    SiteAct.RESOLVE: OPEN | {TriageState.SNOOZED},
    SiteAct.REOPEN: frozenset(TriageState) - {TriageState.REGRESSED},
}


class NoSuchGroup(Exception):
    """There is no failure group with this fingerprint."""


class TriageRefused(Exception):
    """The act is not possible from where the group is.

    Attributes:
        group: as it is.
    """

    def __init__(self, message: str, group: FailureGroup) -> None:
        super().__init__(message)
        self.group = group


@dataclass(frozen=True)
class Triaged:
    """
    Attributes:
        group: as it is now.
        changed: False when it was so already; then nothing is written.
    """

    group: FailureGroup
    changed: bool


def acknowledge(fingerprint: str, *, by: Actor, reason: str | None = None, owner: str | None = None, note: str | None = None) -> Triaged:
    """Somebody looks into it.

    Args:
        owner: who; whoever says so, when nobody is named.
        note: what is known of it so far; None keeps what stands there.

    Raises:
        NoSuchGroup: there is none.
        TriageRefused: it is resolved.
    """
    terms = {"owner": owner or by.name} | ({"note": note} if note is not None else {})
    return _act(SiteAct.ACKNOWLEDGE, fingerprint, TriageState.ACKNOWLEDGED, terms, by=by, reason=reason)


def snooze(
    fingerprint: str, *, by: Actor, reason: str | None = None, until: datetime | None = None, failures: int | None = None
) -> Triaged:
    """Nothing to be seen of it until a time, or until so many more have failed, whichever comes first; then it is what it was.

    Raises:
        ValueError: neither is given; the time is over; or less than one failure.
        NoSuchGroup, TriageRefused: as above.
    """
    if until is None and failures is None:
        raise ValueError("Say until when, or until how many more failures.")
    if until is not None and until <= now():
        raise ValueError("The time until which it is snoozed is over.")
    if failures is not None and failures < 1:
        raise ValueError("It can be snoozed until one more failure, or more than one.")
    return _act(
        SiteAct.SNOOZE, fingerprint, TriageState.SNOOZED, {"snoozed_until": until, "snoozed_failures": failures}, by=by, reason=reason
    )


def resolve(fingerprint: str, *, by: Actor, reason: str | None = None, note: str | None = None) -> Triaged:
    """Its cause is mended. What fails from now on reopens it as regressed; what has failed before and is counted later does not.

    Raises:
        NoSuchGroup: there is none.
    """
    return _act(SiteAct.RESOLVE, fingerprint, TriageState.RESOLVED, {"note": note} if note is not None else {}, by=by, reason=reason)


def reopen(fingerprint: str, *, by: Actor, reason: str | None = None) -> Triaged:
    """It is as new, and nobody's.

    Raises:
        NoSuchGroup: there is none.
    """
    return _act(SiteAct.REOPEN, fingerprint, TriageState.NEW, {}, by=by, reason=reason)


def _act(act: SiteAct, fingerprint: str, state: TriageState, terms: dict[str, Any], *, by: Actor, reason: str | None) -> Triaged:
    with transaction.atomic():
        group = FailureGroup.objects.select_for_update().filter(fingerprint=fingerprint).first()
        if group is None:
            raise NoSuchGroup(f"There is no failure group {fingerprint}.")
        was = TriageState(group.state)
        if _is_so(group, state, terms):
            return Triaged(group, changed=False)
        if was not in SOURCES[act] and was is not state:
            raise TriageRefused(f"The failure group {fingerprint} is {was}: to {act} it, reopen it first.", group)
        _set(group, state, terms)
        group.triaged_by, group.triaged_at = by.name, Now()
        group.save()
        told = {name: written(value) if isinstance(value, datetime) else value for name, value in terms.items() if value is not None}
        records.record(
            act,
            subject_type="failure_group",
            subject_id=fingerprint,
            by=by,
            reason=reason,
            detail={"from": was, "to": state, **told},
        )
    group.refresh_from_db()
    return Triaged(group, changed=True)


def _is_so(group: FailureGroup, state: TriageState, terms: dict[str, Any]) -> bool:
    # A regressed group is open as it is: reopened, it would only look as if it had never been resolved.
    same = group.state == state or (state is TriageState.NEW and group.state == TriageState.REGRESSED)
    return same and all(getattr(group, name) == value for name, value in terms.items())


def _set(group: FailureGroup, state: TriageState, terms: dict[str, Any]) -> None:
    came_from = group.snoozed_from or group.state
    group.snoozed_until = group.snoozed_failures = group.snoozed_from = None
    group.state = state
    if state is TriageState.NEW:
        group.owner = None
    for name, value in terms.items():
        setattr(group, name, value)
    if state is TriageState.SNOOZED:
        group.snoozed_from = came_from
