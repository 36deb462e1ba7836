"""The cost of a batch does not grow with its items, and its answer stays within the limit."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from jobs.claiming import claim
from jobs.enqueueing import NewJob, enqueue
from jobs.models import Job
from jobs.transitions import Step, apply
from tests.factories import HOLDER, PRODUCER, JobFactory
from tests.orchestration_api.batches import complete, report, results
from tests.statements import counted


def test_an_outcome_in_a_refusal_is_shortened_and_says_so(api: APIClient) -> None:
    job = JobFactory(status="running")
    results(api, [{"jobId": job.id, "action": "fail", "error": "ä" * 3000}])
    outcome = results(api, [complete(job)])[0]["error"]["details"]["outcome"]

    assert (outcome["error"], outcome["errorBytes"]) == ("ä" * 2000, 6000)


@override_settings(ANSWER_LIMIT=65536 + 2000)
def test_an_answer_that_would_pass_the_limit_leaves_out_details(api: APIClient) -> None:
    jobs = [JobFactory(status="failed") for _ in range(5)]
    told = results(api, [complete(job) for job in jobs])

    assert [(result["error"]["code"], result["error"]["details"]) for result in told] == [("ALREADY_FINISHED", {})] * 5


def test_the_claim_has_what_the_results_leave_of_the_answer(api: APIClient) -> None:
    held, queued = [JobFactory(status="completed") for _ in range(20)], [JobFactory(payload="x" * 500) for _ in range(10)]
    with override_settings(ANSWER_LIMIT=65536 + 20_000):
        answer = report(api, [complete(job) for job in held], claim={"batchSize": 10})

    assert 0 < answer.json()["count"] < len(queued)
    assert len(answer.content) < 65536 + 20_000


SIZES = (5, 50, 500)


@pytest.mark.parametrize("kind", ["reports", "replays", "late", "ended", "changed", "progress", "forged", "mixed"])
def test_the_number_of_statements_does_not_grow_with_the_number_of_items(api: APIClient, kind: str) -> None:
    sent = []
    # What a process reads once, like the lease keys, is read by then.
    results(api, updates_of(kind, 1))
    for size in SIZES:
        updates = updates_of(kind, size)
        if kind == "replays":
            results(api, updates)
        with counted() as traffic:
            told = results(api, updates)
        assert len(told) == size
        assert {result["ok"] for result in told} == OKS.get(kind, {True})
        assert all(result.get("replayed") for result in told) == (kind == "replays")
        sent.append(traffic.statements)

    assert len(set(sent)) == 1, sent
    # The door, and what stores progress; a transaction about both; the keys once more where a token does not verify.
    assert 1 <= sent[0] <= 6


def updates_of(kind: str, size: int) -> list[dict[str, Any]]:
    """Reports of as many jobs, all held in one claim."""
    job_type = f"of-{kind}-{size}"
    enqueue([NewJob(type=job_type, payload=None) for _ in range(size)], by=PRODUCER)
    jobs = claim(by=HOLDER, batch_size=size, job_types=[job_type]).jobs
    if kind == "late":
        Job.objects.filter(type=job_type).update(lease_expires_at=datetime.now(UTC) - timedelta(seconds=1))
    if kind == "ended":
        apply([Step(job_id=job.id, action="complete") for job in jobs], by=HOLDER)
    words = WORDS.get(kind, [{"action": "fail", "error": "no"}])
    return [{"jobId": job.id, **words[place % len(words)]} for place, job in enumerate(jobs)]


_REFUSED = ("late", "ended", "changed", "forged")
OKS = {"mixed": {True, False}} | {kind: {False} for kind in _REFUSED}
WORDS: dict[str, list[dict[str, Any]]] = {
    "progress": [{"action": "progress", "progress": 1}],
    "changed": [{"action": "start", "expectedUpdatedAt": "2026-01-01T00:00:00Z"}],
    "forged": [{"action": "complete", "exitCode": 0, "leaseToken": "1.forged"}],
    "mixed": [
        {"action": "start", "phase": "running"},
        {"action": "progress", "phase": "x"},
        {"action": "complete"},
        {"action": "release"},
        {"action": "dance"},
    ],
}
