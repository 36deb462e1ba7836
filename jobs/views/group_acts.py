"""What may be done about a failure group, by whom, and why not now. The admin asks for the reason and does it (jobs/admin/triage.py)."""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.urls import reverse

from jobs import triage
from jobs.models import FailureGroup, TriageState
from jobs.records import SiteAct
from jobs.views.groups import Figures
from jobs.views.offers import Offer, lacks, too_many

_TRIAGE = ("jobs.change_failuregroup",)


@dataclass(frozen=True)
class GroupAct:
    """
    Attributes:
        consequence: of it, for who is about to say it.
        permissions: that it needs, all of them.
    """

    icon: str
    consequence: str
    permissions: tuple[str, ...] = _TRIAGE


GROUP_ACTS = {
    SiteAct.ACKNOWLEDGE: GroupAct("search", "Everybody sees who looks into it. It is counted as before."),
    SiteAct.SNOOZE: GroupAct("clock", "It is nobody's business until then, whichever comes first; then it is what it was."),
    SiteAct.RESOLVE: GroupAct("check", "Its cause is mended. What fails from now on reopens it as regressed."),
    SiteAct.REOPEN: GroupAct("left", "It is as new, and nobody's."),
    SiteAct.RETRY: GroupAct(
        "retry",
        "Its failed jobs go back to the queue: a few canaries first, and the rest only when these have completed. When one of them fails "
        "again, it stops.",
        ("jobs.change_job", "jobs.add_bulkoperation"),
    ),
}


def is_open(act: SiteAct, state: TriageState) -> bool:
    """Whether an act of triage would change anything of a group that is so."""
    return state in triage.SOURCES[act] and not (act is SiteAct.REOPEN and state is TriageState.NEW)


def triage_offers(user: AbstractUser | AnonymousUser, group: FailureGroup) -> list[Offer]:
    """Every act of triage, with what stands in its way."""
    return [_offer(name, group, lacks(user, GROUP_ACTS[name].permissions) or _closed(name, group)) for name in triage.SOURCES]


def retry_offer(user: AbstractUser | AnonymousUser, group: FailureGroup, figures: Figures) -> Offer:
    """The retry of all that stands failed in a group."""
    name = SiteAct.RETRY
    if not figures.jobs:
        return _offer(name, group, "No job of it stands failed.")
    if figures.is_retried:
        return _offer(name, group, "It is being retried already.")
    return _offer(name, group, lacks(user, GROUP_ACTS[name].permissions) or too_many(user, figures.jobs))


def _offer(name: SiteAct, group: FailureGroup, obstacle: str) -> Offer:
    act = GROUP_ACTS[name]
    return Offer(
        name=name,
        words=name.capitalize(),
        icon=act.icon,
        url=reverse(f"admin:jobs_failuregroup_{name}", args=[group.pk]),
        effect=act.consequence,
        obstacle=obstacle,
    )


def _closed(name: SiteAct, group: FailureGroup) -> str:
    if is_open(name, TriageState(group.state)):
        return ""
    return "It is open." if name is SiteAct.REOPEN else "It is resolved: reopen it first."
