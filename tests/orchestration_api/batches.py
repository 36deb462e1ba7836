"""Batches as an orchestrator sends them."""

from typing import Any

from rest_framework.test import APIClient

from jobs.models import Job
from tests.orchestration_api.wire import send


def report(api: APIClient, updates: Any, **rest: Any) -> Any:
    return send(api, "post", "/jobs/status", {"updates": updates, **rest})


def results(api: APIClient, updates: Any) -> list[dict[str, Any]]:
    answer = report(api, updates)
    assert answer.status_code == 200, answer.content
    told: list[dict[str, Any]] = answer.json()["results"]
    return told


def complete(job: Job, **fields: Any) -> dict[str, Any]:
    return {"jobId": job.id, "action": "complete", "exitCode": 0, **fields}
