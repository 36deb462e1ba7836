"""What staff may do to a job: each act, and why not when not."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, PermissionsMixin

from jobs.lifecycle import ACTS, LIVE, TABLE, Act, ActorKind, Status, Verb, verbs_from
from jobs.models import Job
from jobs.roles import FORCE

CHANGE = "jobs.change_job"
# Ends a job that somebody holds, without waiting for them; by the verbs fail and cancel, so it is none itself.
FORCED = "force"
_ICONS = {Verb.CANCEL: "stop", FORCED: "alert", Act.EDIT: "up"}
_WORDS = {Act.EDIT: "Set priority", FORCED: "Force end"}
_EFFECTS: dict[str, str] = {
    Verb.RETRY: "Back to the queue with at least one more attempt.",
    Verb.CANCEL: "It ends at once.",
    Verb.RELEASE: "Back to the queue, no attempt counted.",
    Act.EDIT: "Of those that wait, the highest is claimed first.",
    FORCED: "Ends it as failed or cancelled without waiting.",
}

Person = AbstractBaseUser | AnonymousUser | PermissionsMixin


@dataclass(frozen=True)
class Offer:
    """A button.

    Attributes:
        name: of the admin's action that it asks for.
        effect: what it comes to.
        obstacle: why it can't be done now; empty when it can.
    """

    name: str
    words: str
    icon: str
    effect: str
    obstacle: str

    @property
    def is_danger(self) -> bool:
        return self.name == FORCED


def offers(job: Job, *, user: Person) -> list[Offer]:
    """The acts of staff on a job: of those that only a few may do, or that only wait for a queue, none that can't be done in its status."""
    status = Status(job.status)
    names = [
        Verb.RETRY,
        Verb.CANCEL,
        Verb.RELEASE,
        *([Act.EDIT] if _is_open(Act.EDIT, status) else []),
        *([FORCED] if status.is_live else []),
    ]
    return [
        Offer(name, _WORDS.get(name, name.capitalize()), _ICONS.get(name, name), _effect(job, name), _obstacle(job, name, user))
        for name in names
    ]


def _is_open(name: str, status: Status) -> bool:
    if name == FORCED:
        return status.is_live
    return name in verbs_from(status, ActorKind.USER) or (name, status) in ACTS[ActorKind.USER]


def _effect(job: Job, name: str) -> str:
    if name == Verb.RELEASE and job.cancel_requested_at:
        return "A cancel is pending, so the job ends cancelled."
    if name == Verb.CANCEL and job.orchestrator_id and Status(job.status).is_live:
        return f"{job.orchestrator_id} is asked to stop it."
    if name == FORCED and job.orchestrator_id:
        return f"Ends it as failed or cancelled without waiting for {job.orchestrator_id}."
    return _EFFECTS[name]


def _obstacle(job: Job, name: str, user: Person) -> str:
    status = Status(job.status)
    if not _is_open(name, status):
        return f"Only while {_either(_sources(name))}; this job is {status}."
    permission = FORCE if name == FORCED else CHANGE
    if not user.has_perm(permission):  # type: ignore[union-attr]
        return f"Needs the permission {permission}."
    if name == Verb.CANCEL and job.cancel_requested_at and status.is_live:
        return "Its orchestrator has been asked already."
    return ""


def _sources(name: str) -> frozenset[Status]:
    rules = (rule.sources for rule in TABLE if rule.verb == name and ActorKind.USER in rule.actors)
    return LIVE if name == FORCED else frozenset[Status]().union(*rules)


def _either(statuses: Iterable[Status]) -> str:
    return " or ".join(status for status in Status if status in statuses)
