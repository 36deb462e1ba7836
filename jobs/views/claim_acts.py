"""What may be done about the claims of an orchestrator or of a type, by whom, and why not now. The admin asks for the reason and does it
(jobs/admin/pausing.py, jobs/admin/job_type.py).
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.admin.utils import quote
from django.urls import reverse

from jobs.models import PauseMode
from jobs.views.offers import Offer, Person, lacks

CHANGE_ORCHESTRATOR, CHANGE_TYPE = "jobs.change_orchestrator", "jobs.change_jobtype"


@dataclass(frozen=True)
class Standing:
    """Where an orchestrator is.

    Attributes:
        mode: in which its claims are stopped; None when it claims as usual.
        held: how many jobs it holds.
        claimed: those of them that it has not started.
    """

    mode: PauseMode | None
    held: int
    claimed: int


@dataclass(frozen=True)
class OrchestratorAct:
    """
    Attributes:
        consequence: of it, for who is about to say it.
        obstacle: why it would change nothing; empty when it would.
    """

    icon: str
    consequence: str
    obstacle: Callable[[Standing], str]


def _nothing_to_take_back(standing: Standing) -> str:
    if standing.claimed:
        return ""
    return "It has started all that it holds." if standing.held else "It holds nothing."


ORCHESTRATOR_ACTS = {
    "drain": OrchestratorAct(
        "pause",
        "It gets no more jobs and ends those it holds; its reports are taken as usual. For a restart, or to move it.",
        lambda standing: "It is drained." if standing.mode is PauseMode.DRAINED else "",
    ),
    "disable": OrchestratorAct(
        "stop",
        "It gets no more jobs, and is told that it is not meant to come back. What it reports of jobs it holds is still taken.",
        lambda standing: "It is disabled." if standing.mode is PauseMode.DISABLED else "",
    ),
    "resume": OrchestratorAct(
        "right", "It gets jobs again with its next claim.", lambda standing: "" if standing.mode else "It gets jobs already."
    ),
    "take-back": OrchestratorAct(
        "release",
        "What it has claimed and not started goes back to the queue, no attempt counted; what it runs is left alone. Drain or disable it "
        "first, else it may claim the same jobs again.",
        _nothing_to_take_back,
    ),
}


@dataclass(frozen=True)
class TypeAct:
    """
    Attributes:
        consequence: of it, for who is about to say it.
        of_paused: whether it is about types that are paused; None: about any.
        obstacle: what is told of the others.
    """

    icon: str
    consequence: str
    of_paused: bool | None = None
    obstacle: str = ""


TYPE_ACTS = {
    "configure": TypeAct(
        "layers",
        "Attempts and time hold for new jobs, pauses and categories for the next failure, the limit for the next claim. What is left empty "
        "is as for every type. A job's own words, where its producer sent some, come first.",
    ),
    "pause": TypeAct(
        "pause",
        "None of its jobs is claimed until it is resumed. What is held goes on and is reported as usual.",
        of_paused=False,
        obstacle="It is paused.",
    ),
    "resume": TypeAct("right", "Its jobs are claimed again.", of_paused=True, obstacle="It is not paused by itself."),
}


def orchestrator_offers(user: Person, orchestrator_id: str, standing: Standing) -> list[Offer]:
    """Every act on an orchestrator, with what stands in its way."""
    return [
        Offer(
            name=name,
            words=words_of(name),
            icon=act.icon,
            url=reverse(f"admin:jobs_orchestrator_{name}", args=[quote(orchestrator_id)]),
            effect=act.consequence,
            obstacle=lacks(user, [CHANGE_ORCHESTRATOR]) or act.obstacle(standing),
        )
        for name, act in ORCHESTRATOR_ACTS.items()
    ]


def type_offers(user: Person, name: str, *, is_paused: bool) -> list[Offer]:
    """Every act on a type, with what stands in its way."""
    return [
        Offer(
            name=act_name,
            words=words_of(act_name),
            icon=act.icon,
            url=reverse(f"admin:jobs_jobtype_{act_name}", args=[quote(name)]),
            effect=act.consequence,
            obstacle=lacks(user, [CHANGE_TYPE]) or (act.obstacle if act.of_paused not in (None, is_paused) else ""),
        )
        for act_name, act in TYPE_ACTS.items()
    ]


def words_of(act_name: str) -> str:
    """`Take back`."""
    return act_name.capitalize().replace("-", " ")
