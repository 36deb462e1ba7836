"""Orchestrators that do no work but to ask for jobs and report them done, as fast as they are answered. No Django here."""

import time
from collections.abc import Sequence
from math import inf
from typing import Any

import msgspec

from benchmarks.client import Client
from benchmarks.together import Shift, begin


class Lease(msgspec.Struct):
    token: str


class Claimed(msgspec.Struct):
    id: str
    payload: Any
    lease: Lease


class Jobs(msgspec.Struct):
    jobs: list[Claimed]


class Rulings(msgspec.Struct):
    applied: int
    rejected: int


class RulingsAndJobs(Rulings):
    jobs: list[Claimed]


def full_life(url: str, key: str, name: str, batch: int) -> Shift:
    """Claims a batch, says that it runs, says that it is completed, until nothing is left: three requests a batch."""
    with Client.orchestrator(url, key=key, name=name) as client:
        completed, began = [], begin()
        while jobs := _claim(client, batch):
            _check(client.ask("POST", "/jobs/status", {"updates": _starts(jobs)}, answer=Rulings), jobs)
            _check(client.ask("POST", "/jobs/status", {"updates": _completions(jobs)}, answer=Rulings), jobs)
            completed += [job.id for job in jobs]
        return Shift.over(began, completed)


def claim_and_complete(url: str, key: str, name: str, batch: int) -> Shift:
    """Claims a batch and says that it is completed: two requests a batch; the start is written with the completion."""
    with Client.orchestrator(url, key=key, name=name) as client:
        completed, began = [], begin()
        while jobs := _claim(client, batch):
            _check(client.ask("POST", "/jobs/status", {"updates": _completions(jobs)}, answer=Rulings), jobs)
            completed += [job.id for job in jobs]
        return Shift.over(began, completed)


def complete_and_claim_next(url: str, key: str, name: str, batch: int, at_most: float = inf) -> Shift:
    """Says that a batch is completed and claims the next in the same request: one request a batch.

    Args:
        at_most: so many jobs a second; behind that pace it hurries until it has caught up.
    """
    claim = {"batchSize": batch}
    with Client.orchestrator(url, key=key, name=name) as client:
        completed, began = [], begin()
        due, jobs = began.at, _claim(client, batch)
        while jobs:
            due += batch / at_most
            if (early := due - time.monotonic()) > 0:
                time.sleep(early)
            answer = client.ask("POST", "/jobs/status", {"updates": _completions(jobs), "claim": claim}, answer=RulingsAndJobs)
            _check(answer, jobs)
            completed += [job.id for job in jobs]
            jobs = answer.jobs
        return Shift.over(began, completed)


def _claim(client: Client, batch: int) -> list[Claimed]:
    return client.ask("POST", "/jobs/claim", {"batchSize": batch}, answer=Jobs).jobs


def _starts(jobs: Sequence[Claimed]) -> list[dict[str, object]]:
    return [{"jobId": job.id, "leaseToken": job.lease.token, "action": "start"} for job in jobs]


def _completions(jobs: Sequence[Claimed]) -> list[dict[str, object]]:
    return [{"jobId": job.id, "leaseToken": job.lease.token, "action": "complete", "exitCode": 0} for job in jobs]


def _check(answer: Rulings, jobs: Sequence[Claimed]) -> None:
    if answer.applied != len(jobs) or answer.rejected:
        raise RuntimeError(f"of {len(jobs)} reports {answer.applied} were applied and {answer.rejected} refused")
