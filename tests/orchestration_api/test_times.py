"""Every time goes out in UTC with Z and six decimals, also that of a full second."""

import re
from typing import Any

import pytest
from rest_framework.test import APIClient

from orchestration_api.openapi.nouns import TIME_PATTERN
from tests.orchestration_api.wire import send

FULL_SECOND = "2026-01-02T03:04:05.000000Z"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("2026-01-02T03:04:05Z", FULL_SECOND),
        ("2026-01-02T05:04:05.000000+02:00", FULL_SECOND),
        ("2026-01-02T03:04:05.5Z", "2026-01-02T03:04:05.500000Z"),
        ("2026-01-02T03:04:05.000001Z", "2026-01-02T03:04:05.000001Z"),
    ],
)
def test_a_time_is_told_alike_wherever_a_job_stands(sent: str, told: str, api: APIClient) -> None:
    made = send(api, "post", "/jobs", {"type": "t", "payload": 1, "scheduledFor": sent}).json()["job"]
    (claimed,) = send(api, "post", "/jobs/claim").json()["jobs"]
    (held,) = send(api, "get", "/jobs/orphaned").json()
    (listed,) = send(api, "get", "/jobs").json()["results"]
    report = send(api, "put", f"/jobs/{made['id']}/status", {"status": "running"}).json()
    read = send(api, "get", f"/jobs/{made['id']}").json()

    everywhere: list[Any] = [made, claimed, held, listed, report["job"], read]
    assert [job["scheduledFor"] for job in everywhere] == [told] * 6
    moments = [value for job in everywhere for name, value in [*job.items(), *job.get("lease", {}).items()] if name.endswith(("At", "For"))]
    assert all(re.fullmatch(TIME_PATTERN, value) for value in moments if value is not None)
