"""The life of a job as a table: which statuses exist, which verb leads from where to where, and who may say it.

Everything that knows about statuses is derived from here: the door's rules, the database guard, the API's words, badges and
buttons, the diagram in docs/lifecycle.md. This module imports nothing of ours.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import permutations


class Status(StrEnum):
    QUEUED = "queued"
    CLAIMED = "claimed"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def label(self) -> str:
        return self.value.capitalize()

    @property
    def meaning(self) -> str:
        return MEANINGS[self]

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL

    @property
    def is_live(self) -> bool:
        """Held by an orchestrator under a lease."""
        return self in LIVE


LIVE = frozenset({Status.CLAIMED, Status.RUNNING})
TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
UNFINISHED = frozenset(Status) - TERMINAL
MEANINGS = {
    Status.QUEUED: "waits for an orchestrator",
    Status.CLAIMED: "handed to an orchestrator, not started",
    Status.RUNNING: "being executed",
    Status.COMPLETED: "ended well",
    Status.FAILED: "ended with an error",
    Status.CANCELLED: "stopped on request",
}


class ActorKind(StrEnum):
    ORCHESTRATOR = "orchestrator"  # only the holder of the lease
    USER = "user"
    PRODUCER = "producer"
    SWEEP = "sweep"
    SYSTEM = "system"  # the retry policy


class Verb(StrEnum):
    ENQUEUE = "enqueue"
    CLAIM = "claim"
    START = "start"
    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"
    RELEASE = "release"
    RETRY = "retry"


class Act(StrEnum):
    """What is recorded in the audit log of a job without changing its status."""

    ACKNOWLEDGE = "acknowledge"
    CANCEL_REQUEST = "cancel_request"
    EDIT = "edit"
    LATE_REPORT = "late_report"
    # The last entry of a job that is deleted: what it was, for those who read its history afterwards.
    PRUNE = "prune"


@dataclass(frozen=True)
class Transition:
    verb: Verb
    sources: frozenset[Status]
    target: Status
    actors: frozenset[ActorKind]


def _rule(verb: Verb, sources: tuple[Status, ...], target: Status, *actors: ActorKind) -> Transition:
    return Transition(verb, frozenset(sources), target, frozenset(actors))


_HOLDER, _USER, _PRODUCER, _SWEEP, _SYSTEM = ActorKind
TABLE = (
    _rule(Verb.ENQUEUE, (), Status.QUEUED, _PRODUCER, _USER),
    _rule(Verb.CLAIM, (Status.QUEUED,), Status.CLAIMED, _HOLDER),
    _rule(Verb.CANCEL, (Status.QUEUED,), Status.CANCELLED, _PRODUCER, _USER),
    _rule(Verb.START, (Status.CLAIMED,), Status.RUNNING, _HOLDER),
    _rule(Verb.RELEASE, (Status.CLAIMED, Status.RUNNING), Status.QUEUED, _HOLDER, _USER),
    _rule(Verb.RELEASE, (Status.CLAIMED,), Status.QUEUED, _SWEEP),
    _rule(Verb.FAIL, (Status.CLAIMED, Status.RUNNING), Status.FAILED, _HOLDER, _USER, _SWEEP),
    _rule(Verb.CANCEL, (Status.CLAIMED, Status.RUNNING), Status.CANCELLED, _HOLDER, _USER, _PRODUCER, _SWEEP),
    _rule(Verb.COMPLETE, (Status.RUNNING,), Status.COMPLETED, _HOLDER),
    _rule(Verb.RETRY, (Status.FAILED, Status.CANCELLED), Status.QUEUED, _USER, _PRODUCER),
    _rule(Verb.RETRY, (Status.FAILED,), Status.QUEUED, _SYSTEM),
)

# One call, two entries in one transaction: (from, to) through the status between.
COMPOUND = {
    (Status.CLAIMED, Status.COMPLETED): Status.RUNNING,  # start + complete
    (Status.CLAIMED, Status.QUEUED): Status.FAILED,  # fail + retry
    (Status.RUNNING, Status.QUEUED): Status.FAILED,  # fail + retry
}
TARGETS: dict[str, Status] = {rule.verb: rule.target for rule in TABLE}
LEGAL_PAIRS = frozenset((source, rule.target) for rule in TABLE for source in rule.sources)
ILLEGAL_PAIRS = frozenset(permutations(Status, 2)) - LEGAL_PAIRS

# Asked of the door to be judged and to change nothing: does the caller hold the job, and may it speak of it now?
HOLD = "hold"

# What an orchestrator may say of a job it holds besides the verbs, and staff besides theirs: (act, status).
ACTS: dict[ActorKind, frozenset[tuple[Act, Status]]] = {
    _HOLDER: frozenset({(Act.ACKNOWLEDGE, Status.CLAIMED), (Act.ACKNOWLEDGE, Status.RUNNING)}),
    _USER: frozenset({(Act.EDIT, Status.QUEUED)}),
    _PRODUCER: frozenset({(Act.EDIT, Status.QUEUED)}),
}


def allowed_from(status: Status, actor: ActorKind | None = None) -> list[Status]:
    """The statuses that may follow `status` (at the word of `actor`, or of anybody), in the order of the life."""
    targets = {rule.target for rule in TABLE if status in rule.sources and (actor is None or actor in rule.actors)}
    return [target for target in Status if target in targets]


def verbs_from(status: Status, actor: ActorKind) -> list[Verb]:
    """The verbs that `actor` may say of a job in `status`: what buttons and admin actions ask."""
    return [rule.verb for rule in TABLE if status in rule.sources and actor in rule.actors]


def permissions_of(actor: ActorKind) -> list[str]:
    """Every `action:status` that `actor` may ask for, as the door's statement compares them.

    A holder may complete a claimed job: start and complete are then recorded together.
    """
    pairs = {f"{rule.verb}:{source}" for rule in TABLE if actor in rule.actors for source in rule.sources}
    pairs |= {f"{act}:{status}" for act, status in ACTS.get(actor, ())}
    if actor is ActorKind.ORCHESTRATOR:
        # Repeated starts are answered like the first; a complete without a start stands for both.
        pairs |= {f"{Verb.START}:{Status.RUNNING}", f"{Verb.COMPLETE}:{Status.CLAIMED}"}
        pairs |= {f"{HOLD}:{status}" for status in LIVE}
    return sorted(pairs)


class TransitionRefused(Exception):
    """A change was asked for and not made; nothing of the job was written.

    Attributes:
        code: the word of the wire contract for it.
        job_id: which job.
        status: its status when it was judged; None when there is no such job.
    """

    code = "CONFLICT"

    def __init__(self, message: str, *, job_id: str, status: Status | None = None, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.job_id = job_id
        self.status = status
        self.details = details


class JobNotFound(TransitionRefused):
    code = "JOB_NOT_FOUND"


class LeaseTokenRequired(TransitionRefused):
    code = "LEASE_TOKEN_REQUIRED"


class NotJobOwner(TransitionRefused):
    code = "NOT_JOB_OWNER"


class AlreadyFinished(TransitionRefused):
    code = "ALREADY_FINISHED"


class LeaseLost(TransitionRefused):
    code = "LEASE_LOST"


class LeaseExpired(TransitionRefused):
    code = "LEASE_EXPIRED"


class Conflict(TransitionRefused):
    code = "CONFLICT"


class KeyTaken(Conflict):
    """Another job, which has not ended, has the unique key: `details` name both as `key` and `key_holder`."""


class AttemptsSpent(TransitionRefused):
    code = "CONFLICT"


class InvalidTransition(TransitionRefused):
    code = "INVALID_TRANSITION"
