"""Many jobs at once cost as many statements as a few."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.models import Job
from tests.orchestration_api.wire import send
from tests.statements import counted


@pytest.mark.parametrize(
    "job",
    [
        lambda number: {"type": "t", "payload": number},
        lambda number: {"type": f"type-{number % 100}", "payload": number, "uniqueKey": f"key-{number}"},
    ],
    ids=["of one type", "of many types, with unique keys"],
)
@pytest.mark.parametrize("headers", [{}, {"Idempotency_Key": "k"}], ids=["", "under an idempotency key"])
def test_the_number_of_statements_does_not_grow_with_the_number_of_jobs(job: Any, headers: dict[str, str], api: APIClient) -> None:
    def cost_of(first: int, jobs: int) -> int:
        key = {name: f"{value}-{first}" for name, value in headers.items()}
        with counted() as sent:
            answer = send(api, "post", "/jobs", [job(number) for number in range(first, first + jobs)], **key)
        assert answer.status_code == 201
        assert len(answer.json()["jobs"]) == jobs
        return sent.statements

    # What is prepared once, or remembered by the process, is so now.
    cost_of(0, 2)
    two, thousand = cost_of(10, 2), cost_of(1000, 1000)

    assert thousand == two
    # Begin, lanes, jobs with their entries, commit (here savepoints), and the two that each kind of key needs.
    assert two <= 12
    assert Job.objects.count() == 1004
