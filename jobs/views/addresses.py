"""Where the pages are that the overview leads to."""

from datetime import datetime
from urllib.parse import quote, urlencode

from jobs import times
from jobs.lifecycle import Status

FAILURES = "/failures"
FLEET = "/fleet"
SWEEPS = "/sweeps"
TYPES = "/types"


def jobs(status: Status, *, updated_after: datetime | None = None) -> str:
    """The list of the jobs in a status.

    Args:
        updated_after: only those that came into it since then.
    """
    asked = {"status": status.value} | ({"updatedAfter": times.written(updated_after)} if updated_after else {})
    return f"/jobs?{urlencode(asked, safe=':')}"


def failure_group(fingerprint: str) -> str:
    return f"{FAILURES}/{fingerprint}"


def orchestrator(name: str) -> str:
    return f"{FLEET}/{quote(name)}"


def job_type(name: str) -> str:
    return f"{TYPES}/{quote(name, safe='')}"
