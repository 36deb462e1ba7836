"""The statements that our server runs for a batch, written down as it runs them, to be run again with no server around them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from django.test import Client

from benchmarks.replay import Life, Report, Statement
from benchmarks.site import API_KEY
from jobs import statements

# Not of the work itself: signs of contact, and what is only told beside the jobs.
_BESIDE = frozenset({"contact", "queue_size"})


def recorded_life(batch: int) -> Life:
    """What the server asks of PostgreSQL for a batch that is claimed and completed, and for one that is claimed, started and completed.

    The requests are real ones, answered in this process in the database in use, which must hold two batches of jobs to claim.

    Returns:
        The statements of jobs/sql, but for signs of contact and what is only told beside the jobs (the size of the queue): so the limit is
        that of the work itself.
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
    with _written_down() as run:
        answer = _ask(client, "/jobs/claim", {"batchSize": batch})
    if answer["count"] != batch:
        raise RuntimeError(f"{answer['count']} jobs came, not {batch}")
    return run, answer["jobs"]


def _reported(client: Client, jobs: Sequence[dict[str, Any]], action: str) -> Report:
    updates = [{"jobId": job["id"], "leaseToken": job["lease"]["token"], "action": action} for job in jobs]
    if action == "complete":
        updates = [{**update, "exitCode": 0} for update in updates]
    with _written_down() as run:
        answer = _ask(client, "/jobs/status", {"updates": updates})
    if answer["applied"] != len(jobs):
        raise RuntimeError(f"{answer['applied']} reports of {len(jobs)} were applied")
    (statement,) = run
    return Report.of(statement, [job["id"] for job in jobs])


def _ask(client: Client, path: str, body: object) -> Any:
    answer = client.post(f"/api/internal{path}", body, content_type="application/json")
    if answer.status_code != 200:
        raise RuntimeError(answer.content.decode())
    return answer.json()


@contextmanager
def _written_down() -> Iterator[list[Statement]]:
    """The statements of the work that are run meanwhile, which is done as ever."""
    done: list[Statement] = []
    run = statements.run

    def written_down(*names: str, **parameters: object) -> list[statements.Row]:
        if not _BESIDE & set(names):
            statement = statements.read(*names)
            done.append(Statement(statement.text, statement.values(parameters)))
        return run(*names, **parameters)

    with patch.object(statements, "run", written_down):
        yield done
