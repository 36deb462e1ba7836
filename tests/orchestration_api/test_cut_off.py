"""A report whose connection to the database is lost is made all the same, whichever of its statements that befalls."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from django.db import connection
from rest_framework.test import APIClient

from jobs import leases, tokens
from jobs.actors import Holder
from jobs.models import Job, Scope
from jobs.times import now, written
from tests.factories import STAFF, JobFactory
from tests.ledger import assert_sound
from tests.orchestration_api.wire import BASE
from tests.postgres import API_KEY


@dataclass
class Scissors:
    """Cut the connection before one of the statements that a block sends, or before a commit.

    Attributes:
        place: before how many more; None cuts nothing.
        cut: what was to be sent when it was cut.
    """

    url: str
    place: int | None = None
    cut: list[str] = field(default_factory=list)

    def pass_by(self, wire: Any, text: object) -> None:
        # (The pool asks connections whether they live, before they are Django's.)
        if self.place is None or wire is not connection.connection:
            return
        self.place -= 1
        if self.place < 0:
            self.place = None
            self.cut.append(text.decode() if isinstance(text, bytes) else str(text))
            with psycopg.connect(self.url, autocommit=True) as neighbour:
                neighbour.execute("select pg_terminate_backend(%s, 5000)", [wire.info.backend_pid])


@pytest.fixture
def scissors(live_db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scissors]:
    # A process that has just begun: it remembers nothing of the database.
    monkeypatch.setattr(leases, "KEYS_REMEMBERED_SECONDS", 1e-9)
    held = Scissors(live_db)
    execute, commit = psycopg.Cursor.execute, psycopg.Connection.commit

    def executed(self: Any, query: Any, *rest: Any, **options: Any) -> Any:
        held.pass_by(self.connection, query)
        return execute(self, query, *rest, **options)

    def committed(self: Any) -> None:
        held.pass_by(self, "commit")
        commit(self)

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Cursor, "execute", executed)
        patched.setattr(psycopg.Connection, "commit", committed)
        yield held


@dataclass(frozen=True)
class Kind:
    """One kind of report.

    Attributes:
        status: of the job that it is about.
        path: behind the job's, or whole where it names none.
        becomes: the job's status afterwards.
        asks: a piece of each statement that is known to be sent for it.
    """

    status: str
    method: str
    path: str
    body: Callable[[Job, str], dict[str, Any]]
    becomes: str
    asks: tuple[str, ...]
    token_sent: bool = True
    bound: bool = False


KEYS, DOOR = 'FROM "lease_keys"', "insert into audit_log"
KINDS = {
    "acknowledge": Kind("claimed", "post", "/acknowledge", lambda job, token: {}, "claimed", (KEYS, DOOR)),
    "start without a token": Kind(
        "claimed",
        "put",
        "/status",
        lambda job, token: {"status": "running", "details": {"phase": "one", "progress": 1}},
        "running",
        ("last_unfenced_at", DOOR, "progress", "commit"),
        token_sent=False,
    ),
    "preparing": Kind("claimed", "put", "/status", lambda job, token: {"status": "preparing"}, "claimed", (KEYS, "progress", "commit")),
    "complete": Kind("running", "post", "/complete", lambda job, token: {"exitCode": 0}, "completed", (KEYS, DOOR)),
    "complete by a bound token": Kind(
        "running",
        "post",
        "/complete",
        lambda job, token: {"exitCode": 0, "timestamp": written(now())},
        "completed",
        ("api_tokens", "update api_tokens", KEYS, DOOR),
        bound=True,
    ),
    "fail": Kind("running", "post", "/fail", lambda job, token: {"error": "it broke"}, "failed", (KEYS, DOOR)),
    "release": Kind("running", "post", "/release", lambda job, token: {}, "queued", (KEYS, DOOR)),
    "renew": Kind("running", "post", "/lease/renew", lambda job, token: {"renewalToken": token}, "running", (KEYS, DOOR, "commit")),
    "logs": Kind(
        "running",
        "post",
        "/logs",
        lambda job, token: {"entries": [{"sequence": 0, "stream": "stdout", "line": "a", "timestamp": written(now())}]},
        "running",
        (KEYS, "log_lines"),
    ),
    "batch": Kind(
        "running",
        "post",
        "/jobs/status",
        lambda job, token: {"updates": [{"jobId": job.id, "leaseToken": token, "action": "complete", "exitCode": 0}]},
        "completed",
        (KEYS, DOOR),
    ),
    "batch without a token": Kind(
        "running",
        "post",
        "/jobs/status",
        lambda job, token: {"updates": [{"jobId": job.id, "action": "complete", "exitCode": 0}]},
        "completed",
        ("last_unfenced_at", DOOR),
        token_sent=False,
    ),
    "heartbeat": Kind(
        "running",
        "post",
        "/orchestrator/heartbeat",
        lambda job, token: {"runningJobs": [{"jobId": job.id, "leaseToken": token}]},
        "running",
        (KEYS, "orchestrators"),
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_report_that_is_cut_off_at_any_of_its_statements_is_made_all_the_same(name: str, scissors: Scissors) -> None:
    kind = KINDS[name]
    for place in itertools.count():
        holder = Holder.of(f"{name.replace(' ', '-')}-{place}")
        job = JobFactory(status=kind.status, holder=holder)
        cut_before = len(scissors.cut)
        answer = _send(kind, job, holder, scissors, place)

        assert answer.status_code == 200, (scissors.cut[-1:], answer.content)
        assert Job.objects.get(id=job.id).status == kind.becomes
        assert_sound(job.id)
        if len(scissors.cut) == cut_before:
            break
    assert [asked for asked in kind.asks if not any(asked in text for text in scissors.cut)] == []


def test_that_an_orchestrator_sent_no_token_is_noted_also_when_the_note_was_cut_off(scissors: Scissors) -> None:
    kind, holder = KINDS["start without a token"], Holder.of("never-heard-of")
    _send(kind, JobFactory(status="claimed", holder=holder), holder, scissors, 0)

    assert "last_unfenced_at" in scissors.cut[0]
    with connection.cursor() as cursor:
        cursor.execute("select last_unfenced_at is not null from orchestrators where id = 'never-heard-of'")
        assert cursor.fetchone() == (True,)


def test_a_call_that_may_not_come_twice_is_told_that_nobody_knows(scissors: Scissors) -> None:
    client = APIClient(headers={"Authorization": f"Bearer {API_KEY}"})
    scissors.place = 0
    refused = client.post(f"{BASE}/jobs", {"type": "report", "payload": {}}, format="json")

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert "not known" in refused.json()["error"]["message"]


def _send(kind: Kind, job: Job, holder: Holder, scissors: Scissors, place: int) -> Any:
    token = leases.token_of(job)
    key = API_KEY
    if kind.bound:
        key = tokens.issue(f"for-{holder.name}", scopes=[Scope.ORCHESTRATE], orchestrator_id=holder.name, by=STAFF).text
    headers = {"Authorization": f"Bearer {key}", "X-Orchestrator-ID": holder.name}
    if kind.token_sent:
        headers["X-Lease-Token"] = token
    path = kind.path if kind.path.startswith(("/jobs", "/orchestrator")) else f"/jobs/{job.id}{kind.path}"
    scissors.place = place
    try:
        return getattr(APIClient(headers=headers), kind.method)(BASE + path, kind.body(job, token), format="json")
    finally:
        scissors.place = None
