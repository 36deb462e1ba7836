"""What can be done to many jobs at once: a table, one line for each action."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs import transitions
from jobs.actors import Actor
from jobs.lifecycle import Act, ActorKind, Status, Verb, permissions_of
from jobs.transitions import Step
from jobs.verdicts import Verdict, verdict_on

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class BulkAction:
    """
    Attributes:
        name: as it is asked for.
        takes: the arguments that it needs, all of them.
        is_open: whether it would change a job in that status, at the word of such an actor.
        apply: does it to jobs, each on its own: ids, arguments, by= and reason=. Returns a verdict for each, in their order.
    """

    name: str
    takes: frozenset[str]
    is_open: Callable[[Status, ActorKind], bool]
    apply: Callable[..., list[Verdict]]

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

    def apply(ids: Sequence[str], arguments: Arguments, *, by: Actor, reason: str) -> list[Verdict]:
        steps = [
            Step.editing(dict(arguments), job_id=job_id, reason=reason) if takes else Step(job_id=job_id, action=name, reason=reason)
            for job_id in ids
        ]
        return [verdict_on(ruling) for ruling in transitions.apply(steps, by=by)]

    return BulkAction(str(name), frozenset(takes), is_open, apply)


ACTIONS = {
    action.name: action
    for action in (
        _through_the_door(Verb.RETRY),
        _through_the_door(Verb.CANCEL),
        _through_the_door(Verb.RELEASE),
        _through_the_door(Act.EDIT, "priority"),
    )
}
