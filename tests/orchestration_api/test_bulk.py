"""Many jobs at once cost as many statements as a few."""

from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from jobs import statements
from jobs.models import Job
from tests.orchestration_api.wire import send
from tests.protocol import statements_sent


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
    def cost_of(first: int, count: int) -> int:
        key = {name: f"{value}-{first}" for name, value in headers.items()}
        with statements_sent() as sent:
            answer = send(api, "post", "/jobs", [job(number) for number in range(first, first + count)], **key)
        assert answer.status_code == 201
        assert len(answer.json()["jobs"]) == count
        return len(sent)

    # What is prepared once, or remembered by the process, is so now.
    cost_of(0, 2)
    two, thousand = cost_of(10, 2), cost_of(1000, 1000)

    assert thousand == two
    # Begin, lanes, jobs with their entries, commit (here savepoints), and the two that each kind of key needs.
    assert two <= 12
    assert Job.objects.count() == 1004


def test_the_counter_sees_every_way_of_sending(db: None) -> None:
    # The transaction of the test has begun.
    Job.objects.count()
    with statements_sent() as sent:
        Job.objects.count()
        statements.run("stats")
        with connection.cursor() as cursor:
            cursor.execute("select 1")

    assert len(sent) == 3
