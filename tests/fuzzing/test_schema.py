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

from jobs import failure_groups, leases, tokens
from jobs.actors import Holder
from jobs.lifecycle import Status
from jobs.models import BulkState, FailureGroup, Scope
from orchestration_api.openapi.table import OPERATIONS
from tests.factories import HOLDER, OTHER, PRODUCER, STAFF, JobFactory, grouped
from tests.orchestration_api.access import operation_in
from tests.postgres import API_KEY
from tests.server import REPOSITORY, Server, running_server

JOBS_IN_EACH_STATUS = 40
OPERATIONS_IN_EACH_STATE = 10


@dataclass(frozen=True)
class Identity:
    """Who calls.

    Attributes:
        orchestrator: who holds the jobs that there are.
        scopes: of the token that is issued to it; with the shared key, and to nobody, none is.
        bound: the token speaks for the orchestrator.
    """

    orchestrator: Holder
    scopes: frozenset[Scope] = frozenset()
    bound: bool = False

    def token(self) -> str | None:
        if self == NOBODY:
            return None
        orchestrator_id = self.orchestrator.name if self.bound else None
        return tokens.issue(PRODUCER.name, scopes=self.scopes, by=STAFF, orchestrator_id=orchestrator_id).text if self.scopes else API_KEY


@dataclass(frozen=True)
class Size:
    """How much of it.

    Attributes:
        examples: most of them for an operation, where they are found by chance.
        others: the phases for all but the shared key. (The largest, coverage, asks mostly what is refused to everybody alike.)
        seconds: after which it hangs.
    """

    examples: int
    others: str
    seconds: int


SHARED, NOBODY = Identity(HOLDER), Identity(OTHER)
ORCHESTRATOR = Identity(OTHER, frozenset({Scope.ORCHESTRATE, Scope.READ}), bound=True)
MAKER = Identity(HOLDER, frozenset({Scope.ENQUEUE, Scope.MANAGE}))
EVERY_OPERATION = {operation.name for operation in OPERATIONS.values()}
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
def test_to_the_shared_key_no_answer_contradicts_the_document_and_every_operation_succeeds(
    live_db: str, tmp_path: Path, size: Size
) -> None:
    assert succeeded(called_as(SHARED, size, tmp_path)) == EVERY_OPERATION


@each_size
@pytest.mark.parametrize("identity", [ORCHESTRATOR, MAKER], ids=["orchestrator", "maker"])
def test_to_an_issued_token_no_answer_contradicts_the_document_and_nothing_but_what_its_scopes_open_succeeds(
    live_db: str, tmp_path: Path, size: Size, identity: Identity
) -> None:
    answers = called_as(identity, size, tmp_path)
    opened = {operation.name for operation in OPERATIONS.values() if not operation.scopes or identity.scopes & set(operation.scopes)}

    # (That each operation can succeed is shown with the shared key, which meets them all more often.)
    assert succeeded(answers) <= opened
    assert len(succeeded(answers)) > len(opened) / 2
    assert {name for name, _, code in answers if code == "AUTHZ_INSUFFICIENT_PERMISSIONS"} == EVERY_OPERATION - opened


@each_size
def test_to_nobody_no_answer_contradicts_the_document_and_nothing_is_told(live_db: str, tmp_path: Path, size: Size) -> None:
    answers = called_as(NOBODY, size, tmp_path)

    assert {operation for operation, status, _ in answers if status == 401} == EVERY_OPERATION
    assert {(operation, status) for operation, status, _ in answers if not 400 <= status < 500} == set()


def succeeded(answers: Answers) -> set[str]:
    """The operations that did."""
    return {operation for operation, status, _ in answers if status < 300}


def called_as(identity: Identity, size: Size, folder: Path) -> Answers:
    """What schemathesis was answered; it found nothing wrong with it."""
    jobs = [JobFactory(status=status, holder=identity.orchestrator) for _ in range(JOBS_IN_EACH_STATUS) for status in Status]
    groups = [grouped(job) for job in jobs if job.fingerprint]
    journal, token = folder / "journal", identity.token()
    # (Wrong tokens are among what it tries.)
    with running_server(workers=2, environment={"JOBSITE_AUTH_FAILURES_PER_MINUTE": "1000000"}) as server:
        environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "SCHEMATHESIS_HOOKS": "tests.fuzzing.hooks",
            "JOBSITE_FUZZING_JOURNAL": str(journal),
            "JOBSITE_FUZZING_ORCHESTRATOR": identity.orchestrator.name,
            "JOBSITE_FUZZING_BOUND": str(int(identity.bound)),
            "JOBSITE_FUZZING_JOBS": json.dumps({job.id: leases.token_of(job) if job.epoch else None for job in jobs}),
            "JOBSITE_FUZZING_OPERATIONS": json.dumps(
                [operation_in(state).id for _ in range(OPERATIONS_IN_EACH_STATE) for state in BulkState]
            ),
            "JOBSITE_FUZZING_GROUPS": json.dumps([group.fingerprint for group in groups]),
            "JOBSITE_FUZZING_GROUP_CURSORS": json.dumps(list(_group_cursors())),
            "JOBSITE_FUZZING_CURSORS": json.dumps(list(_cursors(server))),
        }
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(REPOSITORY / "tests/fuzzing/schemathesis.toml")]
        command += ["run", f"{server.url}/api/schema", "--url", server.url, "--max-examples", str(size.examples), "--seed", "1"]
        command += ["--phases", EVERY_PHASE if identity == SHARED else size.others]
        command += ["--header", f"Authorization: Bearer {token}"] if token else []
        # What it keeps of its runs stays in the folder.
        ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    sys.stdout.write(ended.stdout)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return [tuple(json.loads(line)) for line in journal.read_text().splitlines()]


def _group_cursors() -> Iterator[str]:
    for size in (1, 2, 5):
        page = failure_groups.last_seen_first(FailureGroup.objects.all(), after=None, size=size)
        assert page.next
        yield page.next


def _cursors(server: Server) -> Iterator[str]:
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    for size in (1, 2, 5):
        connection.request("GET", f"/api/internal/jobs?pageSize={size}", headers={"Authorization": f"Bearer {API_KEY}"})
        yield json.loads(connection.getresponse().read())["next"]
    connection.close()
