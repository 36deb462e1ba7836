"""What may be done with a bulk operation, by whom, and why not now. The admin asks for the reason and does it (jobs/admin/bulk.py)."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.urls import reverse

from jobs import bulk
from jobs.models import BulkOperation, BulkState
from jobs.records import SiteAct
from jobs.views.offers import Offer, lacks, too_many


@dataclass(frozen=True)
class Conduct:
    """
    Attributes:
        act: called with the operation's id, by= and reason=.
        states: in which it is offered.
        consequence: of it, for who is about to say it.
        begins: jobs are acted on in the name of who says it, who then needs what beginning it anew would need.
    """

    act: Callable[..., BulkOperation]
    states: frozenset[BulkState]
    icon: str
    consequence: str
    begins: bool = False

    def needs(self, operation: BulkOperation) -> list[str]:
        """The permissions of who says it."""
        acted_on = "change_failuregroup" if operation.action == SiteAct.ACKNOWLEDGE else "change_job"
        names = ["change_bulkoperation", *(["add_bulkoperation", acted_on] if self.begins else [])]
        return [f"jobs.{name}" for name in names]


CONDUCT = {
    "confirm": Conduct(
        bulk.confirm, frozenset({BulkState.PREVIEW}), "right", "Which jobs it is about is settled, and it begins.", begins=True
    ),
    "pause": Conduct(bulk.pause, frozenset({BulkState.RUNNING}), "pause", "No further batch begins until it is resumed."),
    "resume": Conduct(bulk.resume, frozenset({BulkState.PAUSED}), "right", "It goes on with what is left."),
    "stop": Conduct(
        bulk.stop,
        frozenset({BulkState.PREVIEW, BulkState.RUNNING, BulkState.PAUSED}),
        "stop",
        "It ends for good; what is left stays as it is.",
    ),
}


def size_of(operation: BulkOperation) -> int:
    """How many jobs are in it, or, before that is settled, would have been when it was made."""
    return int(operation.preview["count"]) if operation.selected is None else operation.selected


def offers_of(user: AbstractUser | AnonymousUser, operation: BulkOperation) -> list[Offer]:
    """What may be done with it in its state, with what stands in the way of who looks."""
    return [
        Offer(
            name=name,
            words=name.capitalize(),
            icon=conduct.icon,
            url=reverse(f"admin:jobs_bulkoperation_{name}", args=[operation.id]),
            effect=conduct.consequence,
            obstacle=_obstacle(user, conduct, operation),
        )
        for name, conduct in CONDUCT.items()
        if operation.state in conduct.states
    ]


def _obstacle(user: AbstractUser | AnonymousUser, conduct: Conduct, operation: BulkOperation) -> str:
    return lacks(user, conduct.needs(operation)) or (too_many(user, size_of(operation)) if conduct.begins else "")
