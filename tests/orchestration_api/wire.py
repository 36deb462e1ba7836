"""What answers of the machine door must look like, checked in one place."""

import re
from typing import Any

from django.http import HttpResponse
from rest_framework.test import APIClient

from jobs.models import AuditEntry, Job

BASE = "/api/internal"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def send(api: APIClient, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """One call below the base path, its body as JSON where there is one."""
    options: dict[str, Any] = {"headers": {name.replace("_", "-"): value for name, value in headers.items()}} if headers else {}
    if body is not None:
        options |= {"data": body, "format": "json"}
    return getattr(api, method)(BASE + path, **options)


def assert_error(response: HttpResponse, status: int, code: str) -> dict[str, Any]:
    """The answer is this error, in the one shape; returns its details."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    (error,) = response.json().values()  # type: ignore[attr-defined]
    assert set(error) == {"code", "message", "details", "timestamp", "traceId"}
    assert error["code"] == code
    assert error["traceId"] == response["X-Request-ID"]
    assert _TIME.fullmatch(error["timestamp"])
    assert "Traceback" not in error["message"]
    details: dict[str, Any] = error["details"]
    return details


def is_time(text: str | None) -> bool:
    """Whether it is written as the contract writes times."""
    return bool(text and _TIME.fullmatch(text))


def untouched(job: Job) -> tuple[Any, ...]:
    """Every column of a job and the number of its entries: compared before and after a call that must change nothing."""
    return Job.objects.filter(id=job.id).values_list().get(), AuditEntry.objects.filter(job_id=job.id).count()
