"""How orchestrators get jobs: no job to two of them, never more than asked, no claim waiting for another."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from django.conf import settings

from jobs import statements
from jobs.actors import Holder
from jobs.memory import Memory
from jobs.models import Job, Orchestrator
from jobs.scheduling import let_come_due

MOST_AT_ONCE = 500
# The queue is counted to here and no further.
COUNTED_TO = 10_000
# Room for what stands around the jobs in an answer.
_ENVELOPE = 65536
# A queue by so much longer is not counted again so soon: to fall below where counting ends, it would have to lose 20,000 jobs a second.
_BEYOND = 5000
_NOT_COUNTED_SECONDS = 0.25
_CONTACT_NOTED_SECONDS = 5
_Words = tuple[str, ...] | None
# Who was heard of, and noted: by orchestrator, and a number that stands for what it asked for (which may be long).
contacts: Memory[tuple[str, int], bool] = Memory()
# Whose queue is longer than it is counted.
_long_queues: Memory[tuple[str | None, _Words, _Words], bool] = Memory()


@dataclass(frozen=True)
class Claim:
    """
    Attributes:
        jobs: best first; each with a lease of its own, and with what the API tells of it (other columns are deferred).
    """

    jobs: list[Job]


def claim(
    *,
    by: Holder,
    batch_size: int,
    job_types: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    claim_id: str | None = None,
    beside_bytes: int = 0,
) -> Claim:
    """Takes the best due jobs for an orchestrator. One statement: outside of a transaction it is committed when this returns.

    Args:
        by: the orchestrator.
        batch_size: at most so many jobs, 1 to 500.
        job_types: only these; None takes the types on the orchestrator's record, or any.
        labels: what it has: only jobs that require nothing else; None takes the labels on its record, or none.
        claim_id: names this claim; asked again it gives what is left of it, and claims anew only when nothing is.
        beside_bytes: of the answer, taken by what stands beside the jobs.
    """
    _note_contact(by.name, job_types, labels)
    rows = statements.run(
        "claim",
        **_asked(job_types, labels, by),
        batch_size=batch_size,
        claim_id=claim_id,
        request_id=by.request_id,
        lease_seconds=settings.CLAIM_LEASE_SECONDS,
        answer_limit=settings.ANSWER_LIMIT - _ENVELOPE - beside_bytes,
    )
    return Claim([statements.as_job(row) for row in rows])


def queue_size(
    job_types: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    *,
    by: Holder | None = None,
    has_just_given: bool = False,
) -> int:
    """How many jobs could be claimed now, counted to 10,000.

    Args:
        job_types: only these; None takes the types on the orchestrator's record, or any.
        labels: of who would claim; None takes the labels on the orchestrator's record, or none.
        by: whose claim; None asks for nobody in particular.
        has_just_given: jobs came of it in this call. So it is not stopped, and one that was long a moment ago need not be counted again.
    """
    asked = (by.name if by else None, _words(job_types), _words(labels))
    if has_just_given and _long_queues.get(asked):
        return COUNTED_TO
    (row,) = statements.run("queue_size", **_asked(job_types, labels, by), limit=COUNTED_TO + _BEYOND)
    size = int(row["size"])
    if size == COUNTED_TO + _BEYOND:
        _long_queues.keep(asked, True, until=time.monotonic() + _NOT_COUNTED_SECONDS)
    return min(size, COUNTED_TO)


def types_on_record(orchestrator_id: str) -> list[str] | None:
    """The job types that an orchestrator last said it takes; None when it named none."""
    return Orchestrator.objects.filter(id=orchestrator_id).values_list("job_types", flat=True).first() or None


def is_anything_due(job_types: Sequence[str] | None = None, labels: Sequence[str] | None = None, *, by: Holder | None = None) -> bool:
    """Whether a claim now would find something: the probe of a long poll. Lets scheduled jobs come due first; arguments as `queue_size`."""
    let_come_due()
    return bool(statements.run("probe", **_asked(job_types, labels, by)))


def _note_contact(orchestrator_id: str, job_types: Sequence[str] | None, labels: Sequence[str] | None) -> None:
    """Never in the claim's transaction: two claims of one identity must not wait for each other."""
    asks = (_words(job_types), _words(labels))
    noted = (orchestrator_id, hash(asks))
    if not contacts.get(noted):
        sets = [sorted(set(words)) if words is not None else None for words in asks]
        statements.run(
            "subscribe",
            orchestrator_id=orchestrator_id,
            digest=hashlib.sha256(msgspec.json.encode(sets)).digest(),
            types=sets[0],
            labels=sets[1],
            kept_seconds=settings.UNROUTABLE_SECONDS,
        )
        contacts.keep(noted, True, until=time.monotonic() + _CONTACT_NOTED_SECONDS)


def _asked(job_types: Sequence[str] | None, labels: Sequence[str] | None, by: Holder | None) -> dict[str, object]:
    return {"types": _listed(job_types), "labels": _listed(labels), "orchestrator_id": by.name if by else None}


def _words(words: Sequence[str] | None) -> _Words:
    return tuple(words) if words is not None else None


def _listed(words: Sequence[str] | None) -> list[str] | None:
    return list(words) if words is not None else None
