"""Orchestrators that drain a queue over HTTP, resend whatever got no answer, and remember all they sent and heard."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.actors import Actor
from jobs.enqueueing import MOST_AT_ONCE, NewJob, enqueue
from tests.concurrency.caller import Answer, Caller, Json
from tests.concurrency.history import Sent, heard_in


@dataclass(frozen=True)
class Word:
    """A report that an orchestrator can send: what it asks for, and how it is said."""

    verb: str
    method: str
    path: str
    body: Json


START = Word("start", "PUT", "status", {"status": "running"})
COMPLETE = Word("complete", "POST", "complete", {"exitCode": 0, "output": {"stdout": "done\n", "stderr": ""}})


def fill_queue(count: int, **fields: Any) -> list[str]:
    """Enqueues `count` jobs of five types.

    Args:
        fields: of each, as NewJob has them.

    Returns:
        Their ids.
    """
    new = [NewJob(type=f"type-{number % 5}", payload={"number": number}, **fields) for number in range(count)]
    batches = [new[start : start + MOST_AT_ONCE] for start in range(0, count, MOST_AT_ONCE)]
    return [job.id for batch in batches for job in enqueue(batch, by=Actor.producer("producer-1"))]


def drain(
    url: str,
    orchestrator_id: str,
    *,
    batch_size: int = 10,
    says: Sequence[Word] = (START, COMPLETE),
    on_accepted: Callable[[], None] = lambda: None,
) -> tuple[list[Sent], int]:
    """Claims jobs and reports on each, until a claim comes back empty.

    Args:
        says: what is reported on each job, in this order; all of it must be acknowledged.
        on_accepted: called after each report.

    Returns:
        All that was sent, and how many tries were answered 503 or not at all.
    """
    sent: list[Sent] = []
    with Caller(url, orchestrator_id) as caller:
        while jobs := claim(caller, sent, batch_size=batch_size):
            for job in jobs:
                for word in says:
                    answer = report(caller, sent, job, word)
                    assert answer.is_accepted, f"{word.verb} of {job['id']}, epoch {job['epoch']}: {answer}"
                    on_accepted()
        return sent, caller.disturbances


def claim(caller: Caller, sent: list[Sent], *, batch_size: int) -> list[Json]:
    """The jobs that a claim brings; noted in `sent`."""
    answer = caller.insist("POST", "/jobs/claim", {"batchSize": batch_size, "claimId": uuid.uuid4().hex})
    assert answer.is_accepted, answer
    jobs: list[Json] = answer.content["jobs"]
    assert len(jobs) <= batch_size
    assert len({job["id"] for job in jobs}) == len(jobs)
    for job in jobs:
        _note(sent, caller, answer, job, "claim")
    return jobs


def report(caller: Caller, sent: list[Sent], job: Json, word: Word) -> Answer:
    """Sends one report on a job that a claim brought, under that claim's token; noted in `sent`."""
    answer = caller.insist(word.method, f"/jobs/{job['id']}/{word.path}", word.body, lease_token=job["lease"]["token"])
    _note(sent, caller, answer, job, word.verb)
    return answer


def _note(sent: list[Sent], caller: Caller, answer: Answer, job: Json, verb: str) -> None:
    sent.append(
        Sent(
            request_id=answer.request_id,
            orchestrator_id=caller.orchestrator_id,
            job_id=job["id"],
            verb=verb,
            epoch=job["epoch"],
            heard=heard_in(answer),
        )
    )
