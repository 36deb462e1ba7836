"""Who says that a job changes: written into every audit entry, and what the door's rules depend on."""

from dataclasses import dataclass

from jobs.lifecycle import ActorKind


@dataclass(frozen=True)
class Actor:
    """The one who acts, and in which request.

    Attributes:
        kind: decides which verbs are open to it.
        name: orchestrator id, user name, producer or rule.
        request_id: of the HTTP request or command run, for finding it in the logs again.
    """

    kind: ActorKind
    name: str
    request_id: str | None = None

    @property
    def created_by(self) -> str:
        """As what it stands on the jobs it makes: staff apart from producers, so that no token can be named like a person."""
        return f"user:{self.name}" if self.kind is ActorKind.USER else self.name

    @classmethod
    def user(cls, name: str, *, request_id: str | None = None) -> "Actor":
        return cls(ActorKind.USER, name, request_id)

    @classmethod
    def producer(cls, name: str, *, request_id: str | None = None) -> "Actor":
        return cls(ActorKind.PRODUCER, name, request_id)

    @classmethod
    def sweep(cls, name: str = "sweep", *, request_id: str | None = None) -> "Actor":
        return cls(ActorKind.SWEEP, name, request_id)

    @classmethod
    def system(cls, name: str) -> "Actor":
        return cls(ActorKind.SYSTEM, name)


@dataclass(frozen=True)
class Holder(Actor):
    """An orchestrator that speaks for the jobs it holds.

    Attributes:
        fenced: it must prove its claim with a lease token; else an earlier claim of its own is told apart by time only.
        bound: its token speaks for this orchestrator alone: jobs that this one never held are none to it.
    """

    fenced: bool = False
    bound: bool = False

    @classmethod
    def of(cls, orchestrator_id: str, *, request_id: str | None = None, fenced: bool = False, bound: bool = False) -> "Holder":
        return cls(ActorKind.ORCHESTRATOR, orchestrator_id, request_id, fenced, bound)
