"""schemathesis against the running server: what the document allows is taken, what it forbids refused, every answer is as it tells."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

from jobs.lifecycle import Status
from orchestration_api.openapi.table import OPERATIONS
from tests.factories import HOLDER, OTHER, JobFactory
from tests.postgres import API_KEY
from tests.server import REPOSITORY, Server, running_server

JOBS_IN_EACH_STATUS = 8


@dataclass(frozen=True)
class Identity:
    """Who calls."""

    token: str | None
    orchestrator: str


@dataclass(frozen=True)
class Size:
    """How much of it.

    Attributes:
        examples: most of them for an operation, where they are found by chance.
        others: the phases for those who hold no job. (The largest, coverage, asks mostly what is refused to everybody alike.)
        seconds: after which it hangs.
    """

    examples: int
    others: str
    seconds: int


HOLDING, STRANGE, NOBODY = Identity(API_KEY, HOLDER.name), Identity(API_KEY, OTHER.name), Identity(None, HOLDER.name)
EVERY_PHASE = "examples,coverage,fuzzing,stateful"
SMALL, LARGE = Size(examples=5, others="examples,fuzzing,stateful", seconds=300), Size(examples=100, others=EVERY_PHASE, seconds=3000)
each_size = pytest.mark.parametrize(
    "size",
    [
        pytest.param(SMALL, marks=[pytest.mark.slow, pytest.mark.timeout(SMALL.seconds)], id="small"),
        pytest.param(LARGE, marks=[pytest.mark.full, pytest.mark.timeout(LARGE.seconds)], id="large"),
    ],
)
Answers = list[tuple[str, int, str | None]]


@each_size
def test_to_the_holder_of_jobs_no_answer_contradicts_the_document_and_every_operation_succeeds(
    live_db: str, tmp_path: Path, size: Size
) -> None:
    answers = called_as(HOLDING, size, tmp_path)
    succeeded = {operation for operation, status, _ in answers if status < 300}

    assert {operation.name for operation in OPERATIONS.values()} - succeeded == set()


@each_size
def test_to_somebody_else_no_answer_contradicts_the_document(live_db: str, tmp_path: Path, size: Size) -> None:
    assert "NOT_JOB_OWNER" in {code for _, _, code in called_as(STRANGE, size, tmp_path)}


@each_size
def test_to_nobody_no_answer_contradicts_the_document_and_nothing_is_told(live_db: str, tmp_path: Path, size: Size) -> None:
    answers = called_as(NOBODY, size, tmp_path)

    assert {operation for operation, status, _ in answers if status == 401} == {operation.name for operation in OPERATIONS.values()}
    assert {(operation, status) for operation, status, _ in answers if not 400 <= status < 500} == set()


def called_as(identity: Identity, size: Size, folder: Path) -> Answers:
    """What schemathesis was answered; it found nothing wrong with it."""
    jobs = [JobFactory(status=status).id for status in Status for _ in range(JOBS_IN_EACH_STATUS)]
    journal = folder / "journal"
    with running_server(workers=2) as server:
        environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "SCHEMATHESIS_HOOKS": "tests.fuzzing.hooks",
            "JOBSITE_FUZZING_JOURNAL": str(journal),
            "JOBSITE_FUZZING_ORCHESTRATOR": identity.orchestrator,
            "JOBSITE_FUZZING_JOBS": json.dumps(jobs),
            "JOBSITE_FUZZING_CURSORS": json.dumps(list(_cursors(server))),
        }
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(REPOSITORY / "tests/fuzzing/schemathesis.toml")]
        command += ["run", f"{server.url}/api/schema", "--url", server.url, "--max-examples", str(size.examples), "--seed", "1"]
        command += ["--phases", EVERY_PHASE if identity == HOLDING else size.others]
        command += ["--header", f"Authorization: Bearer {identity.token}"] if identity.token else []
        # What it keeps of its runs stays in the folder.
        ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return [tuple(json.loads(line)) for line in journal.read_text().splitlines()]


def _cursors(server: Server) -> Iterator[str]:
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    for size in (1, 2, 5):
        connection.request("GET", f"/api/internal/jobs?pageSize={size}", headers={"Authorization": f"Bearer {API_KEY}"})
        yield json.loads(connection.getresponse().read())["next"]
    connection.close()
