"""How orchestrators get jobs: no job to two of them, never more than asked, no claim waiting for another."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from jobs import durability, statements
from jobs.actors import Holder
from jobs.models import Job, Orchestrator
from jobs.scheduling import let_come_due

MOST_AT_ONCE = 500
# Room for what stands around the jobs in an answer.
_ENVELOPE = 65536


@dataclass(frozen=True)
class Claim:
    """
    Attributes:
        jobs: best first; each with a lease of its own.
        is_repeat: the answer to an earlier claim with the same claim_id.
    """

    jobs: list[Job]
    is_repeat: bool = False


def claim(
    *, by: Holder, batch_size: int, job_types: Sequence[str] | None = None, claim_id: str | None = None, beside_bytes: int = 0
) -> Claim:
    """Takes the best due jobs for an orchestrator.

    Args:
        by: the orchestrator.
        batch_size: at most so many jobs, 1 to 500.
        job_types: only these; None takes the types on the orchestrator's record, or any.
        claim_id: names this claim; asked again it gives what is left of it, and claims anew only when nothing is.
        beside_bytes: of the answer, taken by what stands beside the jobs.
    """
    # Not in the claim's transaction: two claims of one identity must not wait for each other.
    statements.run("contact", orchestrator_id=by.name)
    with transaction.atomic():
        if claim_id:
            statements.run("one_claim_at_a_time", orchestrator_id=by.name, claim_id=claim_id)
            if rows := statements.run("reclaim", orchestrator_id=by.name, claim_id=claim_id):
                durability.confirm()
                return Claim([statements.as_job(row) for row in rows], is_repeat=True)
        let_come_due()
        rows = statements.run(
            "claim",
            types=list(job_types) if job_types is not None else None,
            batch_size=batch_size,
            orchestrator_id=by.name,
            claim_id=claim_id,
            request_id=by.request_id,
            lease_seconds=settings.CLAIM_LEASE_SECONDS,
            answer_limit=settings.ANSWER_LIMIT - _ENVELOPE - beside_bytes,
        )
    return Claim([statements.as_job(row) for row in rows])


def queue_size(job_types: Sequence[str] | None = None) -> int:
    """How many jobs could be claimed now, counted to 10,000."""
    (row,) = statements.run("queue_size", types=list(job_types) if job_types is not None else None)
    return int(row["size"])


def types_on_record(orchestrator_id: str) -> list[str] | None:
    """The job types that an orchestrator last said it takes; None when it named none."""
    return Orchestrator.objects.filter(id=orchestrator_id).values_list("job_types", flat=True).first() or None


def is_anything_due(job_types: Sequence[str] | None = None) -> bool:
    """Whether a claim now would find something: the probe of a long poll. Lets scheduled jobs come due first."""
    let_come_due()
    return bool(statements.run("probe", types=list(job_types) if job_types is not None else None))
