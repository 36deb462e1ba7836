"""The statements that our server runs for a batch, written down as it runs them, to be run again with no server around them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import psycopg
from django.db import connection
from django.test import Client

from benchmarks.replay import Life, Report, Statement
from benchmarks.site import API_KEY


def recorded_life(batch: int) -> Life:
    """What the server asks of PostgreSQL for a batch that is claimed and completed, and for one that is claimed, started and completed.

    The requests are real ones, answered in this process in the database in use, which must hold two batches of jobs to claim.

    Returns:
        Of a claim what returns the jobs and what stands in one transaction with it, of a report what names its jobs. Who asks
        (authentication, signs of contact) and what is only told beside it (the size of the queue) are left out, so that the limit is that
        of the work itself.
    """
    client = Client(SERVER_NAME="localhost", headers={"Authorization": f"Bearer {API_KEY}", "X-Orchestrator-ID": "recorder"})
    # Once unrecorded, so that nothing is written down that is asked only the first time.
    _, jobs = _claimed(client, batch)
    completed_at_once = _reported(client, jobs, "complete")
    claim, jobs = _claimed(client, batch)
    return Life(
        claim=claim,
        start=_reported(client, jobs, "start"),
        complete_running=_reported(client, jobs, "complete"),
        complete_claimed=completed_at_once,
    )


def _claimed(client: Client, batch: int) -> tuple[list[Statement], list[dict[str, Any]]]:
    with _written_down() as calls:
        answer = _ask(client, "/jobs/claim", {"batchSize": batch})
    if answer["count"] != batch:
        raise RuntimeError(f"{answer['count']} jobs came, not {batch}")
    return [call.statement for call in calls if call.in_transaction or call.rows == batch], answer["jobs"]


def _reported(client: Client, jobs: Sequence[dict[str, Any]], action: str) -> Report:
    updates = [{"jobId": job["id"], "leaseToken": job["lease"]["token"], "action": action} for job in jobs]
    if action == "complete":
        updates = [{**update, "exitCode": 0} for update in updates]
    with _written_down() as calls:
        answer = _ask(client, "/jobs/status", {"updates": updates})
    if answer["applied"] != len(jobs):
        raise RuntimeError(f"{answer['applied']} reports of {len(jobs)} were applied")
    ids = [job["id"] for job in jobs]
    (statement,) = [call.statement for call in calls if call.names(ids[0])]
    return Report.of(statement, ids)


def _ask(client: Client, path: str, body: object) -> Any:
    answer = client.post(f"/api/internal{path}", body, content_type="application/json")
    if answer.status_code != 200:
        raise RuntimeError(answer.content.decode())
    return answer.json()


_OURS = (psycopg.Cursor, psycopg.RawCursor)


@dataclass(frozen=True)
class _Call:
    statement: Statement
    in_transaction: bool
    rows: int

    def names(self, job_id: str) -> bool:
        """Whether a parameter says this id."""
        return job_id in repr(self.statement.parameters)


@contextmanager
def _written_down() -> Iterator[list[_Call]]:
    """What is run meanwhile, which is done as ever."""
    calls: list[_Call] = []
    execute = psycopg.Cursor.execute

    def written_down(cursor: Any, query: Any, params: Any = None, **options: Any) -> Any:
        done = execute(cursor, query, params, **options)
        # Ours go through psycopg's own cursors; Django has others for its queries.
        if type(cursor) in _OURS and params:
            calls.append(_Call(Statement(query, params, type(cursor)), connection.in_atomic_block, cursor.rowcount))
        return done

    with patch.object(psycopg.Cursor, "execute", written_down):
        yield calls
