"""Settles jobs that the server thinks are ours, but that nobody here is running."""

import logging
from collections.abc import Iterable

from orchestrator.client import Client, Json, Refused, Unavailable

log = logging.getLogger(__name__)

RETRY_SECONDS = 30.0


def settle_orphans(client: Client, jobs: Iterable[Json], *, reason: str) -> None:
    """Give back what was never started, and report as failed what was running when it was lost.

    Args:
        jobs: as `GET /jobs/orphaned` lists them, each with its lease.
        reason: what happened, for the job's owner.
    """
    for job in jobs:
        try:
            _settle(client, job, reason=reason)
        except (Refused, Unavailable) as problem:
            log.warning("%s: an orphan that could not be settled: %s", job.get("id"), problem)


def _settle(client: Client, job: Json, *, reason: str) -> None:
    job_id, lease_token = job["id"], job["lease"]["token"]
    if job["status"] == "claimed":
        client.release(job_id, message=reason, lease_token=lease_token, retry_seconds=RETRY_SECONDS)
        log.info("%s: an orphan, released: %s", job_id, reason)
        return
    error = {"type": "OrchestratorError", "message": reason}
    report: Json = {"error": error, "category": "system", "retryable": True}
    client.fail(job_id, report, lease_token=lease_token, retry_seconds=RETRY_SECONDS)
    log.info("%s: an orphan, reported as failed: %s", job_id, reason)
