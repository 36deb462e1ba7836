"""What can be done to many jobs at once: a table, one line for each action."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobs import transitions, triage
from jobs.actors import Actor
from jobs.lifecycle import Act, ActorKind, Status, Verb, permissions_of
from jobs.models import FailureGroup, Job, TriageState
from jobs.outcomes import Report, judge
from jobs.records import SiteAct
from jobs.transitions import Step
from jobs.triage import NoSuchGroup, TriageRefused
from jobs.verdicts import NO_SUCH_JOB, Verdict, verdict_on

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class BulkAction:
    """
    Attributes:
        name: as it is asked for.
        takes: the arguments that it needs, all of them.
        is_open: whether it would change a job in that status, at the word of such an actor.
        apply: does it to jobs, each on its own: ids, arguments, by=, reason= and not_before=: of jobs by their ids, when they may run; the
            others at once. Returns a verdict for each, in their order.
    """

    name: str
    takes: frozenset[str]
    is_open: Callable[[Status, ActorKind], bool]
    apply: Callable[..., list[Verdict]]

    def is_for(self, actor: ActorKind) -> bool:
        """Whether such an actor may do it to any job at all."""
        return any(self.is_open(status, actor) for status in Status)

    def check(self, arguments: Arguments) -> None:
        """
        Raises:
            ValueError: naming what is missing or too much.
        """
        if missing := sorted(self.takes - arguments.keys()):
            raise ValueError(f"{self.name} needs {', '.join(missing)}")
        if unknown := sorted(arguments.keys() - self.takes):
            raise ValueError(f"{self.name} takes no {', '.join(unknown)}")


def _through_the_door(name: Verb | Act, *takes: str) -> BulkAction:
    """An action that is a step for each job."""

    def is_open(status: Status, actor: ActorKind) -> bool:
        return f"{name}:{status}" in permissions_of(actor)

    def apply(
        ids: Sequence[str], arguments: Arguments, *, by: Actor, reason: str, not_before: Mapping[str, datetime] | None = None
    ) -> list[Verdict]:
        when = not_before or {}
        steps = [
            Step.editing(dict(arguments), job_id=job_id, reason=reason)
            if takes
            else Step(job_id=job_id, action=name, reason=reason, scheduled_for=when.get(job_id))
            for job_id in ids
        ]
        return [verdict_on(ruling) for ruling in transitions.apply(steps, by=by)]

    return BulkAction(str(name), frozenset(takes), is_open, apply)


def _by_force(verb: Verb, step: Callable[[str, Actor, str], Step]) -> BulkAction:
    """An end that is not waited for: what is held ends now, whatever its orchestrator still does."""

    def is_open(status: Status, actor: ActorKind) -> bool:
        return status.is_live and f"{verb}:{status}" in permissions_of(actor)

    def apply(ids: Sequence[str], arguments: Arguments, *, by: Actor, reason: str) -> list[Verdict]:
        statuses = dict(Job.objects.filter(id__among=list(ids)).values_list("id", "status"))
        # What is not held is not what force is for: a queued job is cancelled without it.
        held = [job_id for job_id in ids if job_id in statuses and Status(statuses[job_id]).is_live]
        rulings = transitions.apply([step(job_id, by, reason) for job_id in held], by=by) if held else []
        verdicts = dict(zip(held, map(verdict_on, rulings), strict=True))
        return [verdicts.get(job_id) or _not_held(statuses.get(job_id)) for job_id in ids]

    return BulkAction(f"force_{verb}", frozenset(), is_open, apply)


def _not_held(status: str | None) -> Verdict:
    return Verdict(False, f"already {status}" if status else NO_SUCH_JOB)


def _failing(job_id: str, by: Actor, reason: str) -> Step:
    failure = judge(Report(status="failed", error=f"Ended by {by.name}: {reason}", retryable=False))
    return Step.ending(failure, job_id=job_id, reason=reason)


def _may_be_acknowledged(status: Status, actor: ActorKind) -> bool:
    return status is Status.FAILED and actor is ActorKind.USER


def _acknowledge(
    ids: Sequence[str], arguments: Arguments, *, by: Actor, reason: str, not_before: Mapping[str, datetime] | None = None
) -> list[Verdict]:
    """The failure group of each failed job, once: the jobs themselves stay as they are, whenever that is."""
    jobs = {job.id: job for job in Job.objects.filter(id__among=list(ids)).only("id", "status", "fingerprint")}
    done: set[str | None] = set()
    verdicts = []
    for job_id in ids:
        job = jobs.get(job_id)
        group = job.fingerprint if job and _may_be_acknowledged(Status(job.status), by.kind) else None
        if job is None:
            verdicts.append(Verdict(False, NO_SUCH_JOB))
        elif group is None:
            verdicts.append(Verdict(False, f"already {job.status}"))
        elif group in done:
            verdicts.append(_WITH_ITS_GROUP)
        else:
            verdicts.append(_acknowledged(group, by, reason))
            done.add(group)
    return verdicts


_WITH_ITS_GROUP = Verdict(False, "acknowledged with its failure group")


def _acknowledged(group: str, by: Actor, reason: str) -> Verdict:
    state = FailureGroup.objects.filter(fingerprint=group).values_list("state", flat=True).first()
    # Whose it is, it stays.
    if state == TriageState.ACKNOWLEDGED:
        return _WITH_ITS_GROUP
    try:
        triage.acknowledge(group, by=by, reason=reason)
    except NoSuchGroup:
        return Verdict(False, "its failure is not counted yet")
    except TriageRefused as refusal:
        return Verdict(False, f"its failure group is {refusal.group.state}")
    return Verdict(True, "failure group acknowledged")


# For staff with leave to force alone, a page of jobs at a time, and so for no operation.
FORCED = {
    action.name: action
    for action in (
        _by_force(Verb.FAIL, _failing),
        _by_force(Verb.CANCEL, lambda job_id, by, reason: Step(job_id=job_id, action=Verb.CANCEL, reason=reason, force=True)),
    )
}
ACTIONS = {
    action.name: action
    for action in (
        _through_the_door(Verb.RETRY),
        _through_the_door(Verb.CANCEL),
        _through_the_door(Verb.RELEASE),
        _through_the_door(Act.EDIT, "priority"),
        BulkAction(str(SiteAct.ACKNOWLEDGE), frozenset(), _may_be_acknowledged, _acknowledge),
    )
}
