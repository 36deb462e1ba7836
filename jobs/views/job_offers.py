"""What staff may do to a job: each act, and why not when not."""

from collections.abc import Iterable

from jobs.lifecycle import ACTS, TABLE, TARGETS, Act, ActorKind, Status, Verb, verbs_from
from jobs.models import Job
from jobs.roles import FORCE
from jobs.views.offers import Offer, Person, lacks

CHANGE = "jobs.change_job"
# End a job that somebody holds, without waiting for them.
FORCED: dict[str, Verb] = {"force_fail": Verb.FAIL, "force_cancel": Verb.CANCEL}
_ICONS: dict[str, str] = {Verb.CANCEL: "stop", Act.EDIT: "up", **dict.fromkeys(FORCED, "alert")}
_WORDS: dict[str, str] = {Act.EDIT: "Set priority"}
_EFFECTS: dict[str, str] = {
    Verb.RETRY: "Back to the queue with at least one more attempt.",
    Verb.CANCEL: "It ends at once.",
    Verb.RELEASE: "Back to the queue, no attempt counted.",
    Act.EDIT: "Of those that wait, the highest is claimed first.",
}


def offers(job: Job, *, user: Person) -> list[Offer]:
    """The acts of staff on a job: of those that only a few may do, or that only wait for a queue, none that can't be done in its status."""
    status = Status(job.status)
    names = [
        Verb.RETRY,
        Verb.CANCEL,
        Verb.RELEASE,
        *([Act.EDIT] if _is_open(Act.EDIT, status) else []),
        *(FORCED if status.is_live else []),
    ]
    return [
        Offer(
            name=name,
            words=_WORDS.get(name, name.replace("_", " ").capitalize()),
            icon=_ICONS.get(name, name),
            effect=_effect(job, name),
            obstacle=_obstacle(job, name, user),
            is_danger=name in FORCED,
        )
        for name in names
    ]


def _is_open(name: str, status: Status) -> bool:
    if name in FORCED:
        return status.is_live and FORCED[name] in verbs_from(status, ActorKind.USER)
    return name in verbs_from(status, ActorKind.USER) or (name, status) in ACTS[ActorKind.USER]


def _effect(job: Job, name: str) -> str:
    if name == Verb.RELEASE and job.cancel_requested_at:
        return "A cancel is pending, so the job ends cancelled."
    if name == Verb.CANCEL and job.orchestrator_id and Status(job.status).is_live:
        return f"{job.orchestrator_id} is asked to stop it."
    if name in FORCED:
        return f"Ends it {TARGETS[FORCED[name]]} without waiting for {job.orchestrator_id}."
    return _EFFECTS[name]


def _obstacle(job: Job, name: str, user: Person) -> str:
    status = Status(job.status)
    if not _is_open(name, status):
        return f"Only while {_either(_sources(name))}; this job is {status}."
    if lacking := lacks(user, (CHANGE, FORCE) if name in FORCED else (CHANGE,)):
        return lacking
    if name == Verb.CANCEL and job.cancel_requested_at and status.is_live:
        return "Its orchestrator has been asked already."
    return ""


def _sources(name: str) -> frozenset[Status]:
    rules = (rule.sources for rule in TABLE if rule.verb == name and ActorKind.USER in rule.actors)
    return frozenset[Status]().union(*rules)


def _either(statuses: Iterable[Status]) -> str:
    return " or ".join(status for status in Status if status in statuses)
